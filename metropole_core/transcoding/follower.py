"""One stream: its ladder is planned, declared, made, and looked after until it ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from metropole_core.contracts.context import Clock
from metropole_core.contracts.ladder import Source
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.transcoder import Job, JobReport, JobState
from metropole_core.limits.words import Sentence
from metropole_core.transcoding import words
from metropole_core.transcoding.backends import Backend, Backends
from metropole_core.transcoding.frame_rate import FrameRate
from metropole_core.transcoding.planner import Planned, Planner
from metropole_core.transcoding.supervision import Happening, Moment, Order, Phase, step
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, Packet, Track

log = logging.getLogger("metropole.transcoding")

PROBE_WAIT = 2.0
"""Seconds that a stream waits for transcoders that are still being tried."""
RATE_WAIT = 1.0
"""Seconds that it waits for its first packets to tell the frame rate."""
PLANS, PLANS_SECONDS = 3, 15.0
"""A source that changes is planned anew so often in so many seconds: each plan ends a process and
starts another."""
STILL = 10.0
"""Seconds without a picture, while other renditions have some, after which one is taken away."""

CPU_SECONDS = 4.0

Told = Callable[[BroadcastRef, str, Sentence], None]
HAPPENINGS = {
    JobState.RUNNING: Happening.WELL,
    JobState.BEHIND: Happening.BEHIND,
    JobState.FAILED: Happening.FAILED,
}


@dataclass(frozen=True, slots=True)
class House:
    """What all followers share.

    Fields:
        spawn: runs a task with that name.
        tell: the creator has to know that, with a word for programs.
    """

    planner: Planner
    backends: Backends
    clock: Clock
    spawn: Callable[[Coroutine[Any, Any, None], str], None]
    tell: Told


class Follower:
    """A subscriber of the stream. Nothing that goes wrong here reaches it.

    Fields:
        gone: renditions that were taken away, and why.
        why_none: why there is no further video, None while there is, or nobody knows yet.
        backend: who makes the video, None when nobody does.
        report: the job's last one, None before the first.
        cpu: processors that the job uses, averaged over `CPU_SECONDS`.
    """

    def __init__(self, broadcast: BroadcastRef, stream: LiveStream, house: House) -> None:
        self.broadcast = broadcast
        self.stream = stream
        self.moment = Moment()
        self.gone: dict[str, tuple[RenditionPlan, Sentence]] = {}
        self.why_none: Sentence | None = None
        self.backend: Backend | None = None
        self.report: JobReport | None = None
        self.cpu = 0.0
        self.over = False
        self._house = house
        self._cpu_since: tuple[float, float] | None = None
        self._source = Source((), 0.0)
        self._rate: FrameRate | None = None
        self._rate_known = asyncio.Event()
        self._without: set[str] = set()
        self._planned: deque[float] = deque(maxlen=PLANS)
        self._late = False
        self._job: Job | None = None
        self._serial = 0
        self._turn = 0
        self._leave: Callable[[], None] = lambda: None

    @property
    def frame_rate(self) -> float:
        """Of the source, 0.0 while nobody knows."""
        return self._source.frame_rate

    def start(self) -> None:
        """Follow from now on."""
        self._leave = self.stream.subscribe(self)

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        if _looks(tracks) == _looks(self._source.tracks):
            return  # the same source came back
        video = next((track for track in tracks if track.kind == "video"), None)
        self._source = Source(tracks, 0.0)
        self._rate = FrameRate(video) if video is not None else None
        self._rate_known = asyncio.Event()
        if self._rate is None or self._rate.known:
            self._rate_known.set()
        self._without.clear()
        if self._may_plan():
            self._plan(new_source=True)
        else:
            self._late = True

    def on_packet(self, packet: Packet) -> None:
        if self._rate is not None and not self._rate_known.is_set() and self._rate.packet(packet):
            self._rate_known.set()

    def on_interrupted(self) -> None:
        """It may come back; the job waits."""

    def on_end(self) -> None:
        self.close()

    def close(self) -> None:
        """Have nothing made any more. Safe to call twice."""
        if self.over:
            return
        self.over = True
        self._turn += 1
        self._end_job()
        self._house.planner.free(self)
        self._leave()

    def look(self) -> None:
        """Time has passed."""
        if self._late and self._may_plan():
            self._plan(new_source=True)
        due = self.moment.due
        if due is not None and self._house.clock.monotonic() >= due:
            self._happen(Happening.TIME)
        still = self._still()
        if still is not None:
            self._happen(Happening.LOST, (still,))

    def _still(self) -> RenditionPlan | None:
        """A rendition that stands still while others go on."""
        now, since = self._house.clock.monotonic(), self.moment.started
        plans = self.moment.plans if self.moment.phase is Phase.WORKING else ()
        ages = [
            now - max(since, self.stream.ladder.feed(plan.name).stats.last_packet_at)
            for plan in plans
        ]
        if not ages or min(ages) > 2 or max(ages) < STILL or now - since < STILL:
            return None
        return plans[ages.index(max(ages))]

    def reconsider(self) -> None:
        """Other transcoders work now: perhaps there is more to make."""
        if not self.over and self._source.tracks and self.moment.phase is Phase.IDLE:
            self._plan(new_source=False)

    def _may_plan(self) -> bool:
        full = len(self._planned) == PLANS
        return not full or self._house.clock.monotonic() - self._planned[0] >= PLANS_SECONDS

    def _plan(self, *, new_source: bool) -> None:
        self._turn += 1
        if new_source:
            self._late = False
            self._planned.append(self._house.clock.monotonic())
        try:
            self._house.spawn(self._decide(self._turn, new_source), self.stream.name)
        except RuntimeError:
            log.exception("%s gets no further qualities", self.stream.name)
            self._declare(())

    async def _decide(self, turn: int, new_source: bool) -> None:
        try:
            await self._wait()
            if turn != self._turn:
                return
            if self._rate is not None:
                rate = self._rate.value or self._rate.guess()
                self._source = Source(self._source.tracks, rate)
            planned = await self._house.planner.plan(self._source, self, tuple(self._without))
            if turn == self._turn:
                self._apply(planned, new_source)
            elif self.over:
                self._house.planner.free(self)
        except Exception:
            log.exception("%s gets no further qualities", self.stream.name)
            if turn == self._turn:
                self._declare(())

    async def _wait(self) -> None:
        backends = self._house.backends
        await _within(backends.settled, PROBE_WAIT if backends.all() else 0)
        # Without anyone to encode, the frame rate matters to nobody.
        await _within(self._rate_known, RATE_WAIT if backends.usable() else 0)

    def _apply(self, planned: Planned, new_source: bool) -> None:
        self._end_job()
        self.backend = planned.backend
        self.why_none = None if planned.videos else self._why_none(planned)
        if new_source:
            self.gone.clear()
        lost = [plan for plan in self.moment.plans if self._without]
        made = {plan.name for plan in planned.videos}
        self._declare(planned.plans)
        self._happen(Happening.PLANNED, planned.videos)
        if not new_source and any(plan.name not in made for plan in lost):
            for plan in lost:
                if plan.name not in made:
                    self.gone[plan.name] = (plan, words.failed())
            if not made:
                self._house.tell(self.broadcast, "transcoding_failed", words.failed())

    def _why_none(self, planned: Planned) -> Sentence:
        videos = [track for track in self._source.tracks if track.kind == "video"]
        if len(videos) > 1:
            return words.several_videos()
        if planned.full:
            return words.no_room()
        return words.small_already() if self._house.backends.usable() else words.no_transcoder()

    def _happen(
        self, happening: Happening, plans: tuple[RenditionPlan, ...] = (), lag: float = 0.0
    ) -> None:
        done = step(self.moment, happening, self._house.clock.monotonic(), plans, lag)
        self.moment = done.moment
        if done.order is Order.START:
            self._start_job()
        elif done.order is Order.SHED and done.shed is not None:
            make = words.stood_still if happening is Happening.LOST else words.too_slow
            self._shed(done.shed, make(done.shed.name))
        elif done.order is Order.REST:
            self._end_job()
        elif done.order is Order.CHANGE:
            self._change()

    def _start_job(self) -> None:
        self._end_job()
        serial, backend = self._serial, self.backend
        if backend is None:
            return
        names = ", ".join(plan.name for plan in self.moment.plans)
        log.info("%s: %s makes %s", self.stream.name, backend.name, names)
        try:
            job = backend.transcoder.start(
                self.stream, self.moment.plans, lambda report: self._on_report(serial, report)
            )
        except Exception as error:
            log.exception("%s: transcoder %s cannot begin", self.stream.name, backend.name)
            if serial == self._serial:
                self._on_report(serial, JobReport(JobState.FAILED, reason=repr(error)[:300]))
            return
        if serial == self._serial:
            self._job = job
        else:
            _close(job)  # it failed before it had begun

    def _end_job(self) -> None:
        self._serial += 1
        self.report, self.cpu, self._cpu_since = None, 0.0, None
        job, self._job = self._job, None
        if job is not None:
            _close(job)

    def _on_report(self, serial: int, report: JobReport) -> None:
        if serial != self._serial or self.over:
            return
        self.report = report
        self._measure_cpu(self._house.clock.monotonic(), report.cpu_seconds)
        if report.state is JobState.FAILED:
            name = self.backend.name if self.backend is not None else "nobody"
            log.warning("%s: transcoder %s failed: %s", self.stream.name, name, report.reason)
        self._happen(HAPPENINGS[report.state], lag=report.lag)

    def _measure_cpu(self, now: float, seconds: float) -> None:
        if self._cpu_since is None:
            self._cpu_since = (now, seconds)
            return
        then, before = self._cpu_since
        if now - then >= CPU_SECONDS:
            self.cpu = max(0.0, seconds - before) / (now - then)
            self._cpu_since = (now, seconds)

    def _shed(self, plan: RenditionPlan, sentence: Sentence) -> None:
        log.warning("%s: %s is taken away: %s", self.stream.name, plan.name, sentence.text())
        self.gone[plan.name] = (plan, sentence)
        self._declare(tuple(p for p in self.stream.ladder.plans or () if p.name != plan.name))
        if self.moment.plans and self.backend is not None:
            self._house.planner.take_less(self.backend, self, self.moment.plans, self._source)
        else:
            self._end_job()
            self.backend = None
            self._house.planner.free(self)
        self._house.tell(self.broadcast, "transcoding_behind", sentence)

    def _change(self) -> None:
        """The back-end keeps failing: the next one, planned by what that can do."""
        self._end_job()
        if self.backend is not None:
            self._without.add(self.backend.name)
            log.error(
                "%s: transcoder %s keeps failing and is not asked again for this broadcast",
                self.stream.name,
                self.backend.name,
            )
        self._plan(new_source=False)

    def _declare(self, plans: tuple[RenditionPlan, ...]) -> None:
        try:
            self.stream.ladder.declare(plans)
        except Exception:
            log.exception("%s: a follower of the ladder failed", self.stream.name)


def _looks(tracks: tuple[Track, ...]) -> list[tuple[object, ...]]:
    """What a ladder depends on."""
    return [(track.kind, track.fourcc, track.width, track.height) for track in tracks]


async def _within(event: asyncio.Event, seconds: float) -> None:
    if event.is_set() or seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _close(job: Job) -> None:
    try:
        job.close()
    except Exception:
        log.exception("a transcoder's job does not close")
