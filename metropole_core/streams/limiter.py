"""Holds every stream to its limits, whatever ingest it came through.

Once a second it looks at what has arrived of each stream that runs; a picture that is too large is
kept back before anyone sees it. Nothing is done per packet.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock
from metropole_core.contracts.publishing import Refusal
from metropole_core.limits import words
from metropole_core.streams import limits as rules
from metropole_core.streams.limits import Meter, Pace, Patience, Rests, Term
from metropole_core.tasks import TaskOwner
from metropole_media.live import LiveStream, Track

if TYPE_CHECKING:
    from metropole_core.limits import ChannelLimits, Limits, Notices, Sentence
    from metropole_core.streams.status import LiveStatus

log = logging.getLogger("metropole.limits")

LOOK_SECONDS = 1.0
SETTLED_SECONDS = 30.0
"""After so long on air within its limits, what was wrong before is no longer shown."""


@dataclass(slots=True)
class _Watch:
    """One broadcast. `here`: whether its encoder is connected."""

    channel: ChannelRef
    stream: LiveStream
    limits: Limits
    term: Term
    came: float
    here: bool = True
    settled: bool = False
    warned: float | None = None
    meter: Meter = field(default_factory=Meter)
    patience: Patience = field(default_factory=Patience)


@dataclass(slots=True)
class _Rest:
    """A channel that was cut off, and why."""

    rests: Rests
    why: Sentence


class Limiter:
    """Says who may begin, and cuts off who takes too much.

    Arguments:
        limits: what holds for each channel.
        notices: where creators read of it.
    """

    def __init__(
        self, limits: ChannelLimits, status: LiveStatus, notices: Notices, clock: Clock
    ) -> None:
        self.limits = limits
        self.notices = notices
        self._site = limits.site
        self._status = status
        self._clock = clock
        self._watches: dict[int, _Watch] = {}
        """In the order in which the broadcasts began."""
        self._rests: dict[int, _Rest] = {}
        self._together = Patience()
        self._told_together = False
        self._tasks = TaskOwner("limits", log)

    def start(self) -> None:
        """Look from now on."""
        self._tasks.spawn(self._every_second(), "look")

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    def refusal(self, channel: ChannelRef) -> Refusal | None:
        """Why that channel may not begin now, None when it may. Who is on air already, or within
        the reconnect window, keeps its place."""
        now = self._clock.monotonic()
        rest = self._rests.get(channel.id)
        if rest is not None and now < rest.rests.until:
            left = rest.rests.until - now
            # Its creator reads why it was cut off, not that it is back too early.
            return Refusal("limit", words.wait(rest.why, max(1.0, left)).text(), left)
        running = self._status.running()
        if any(each.id == channel.id for each in running):
            return None
        site, sentence = self._site, None
        mine = sum(each.owner_id == channel.owner_id for each in running)
        if site.streams and len(running) >= site.streams:
            sentence = words.too_many_streams(site.streams)
        elif site.streams_per_user and mine >= site.streams_per_user:
            sentence = words.too_many_of_yours(site.streams_per_user)
        elif site.total_bitrate and self.rate >= site.total_bitrate:
            sentence = words.site_too_fast(site.total_bitrate)
        if sentence is None:
            return None
        self.notices.put(channel, "refused", "streams", sentence)
        return Refusal("limit", sentence.text(), 60.0)

    @property
    def rate(self) -> float:
        """bit/s of all streams together, at the last look."""
        return sum(watch.meter.rate for watch in self._watches.values() if watch.here)

    def came(self, channel: ChannelRef, stream: LiveStream, limits: Limits) -> None:
        """An encoder was let in."""
        now = self._clock.monotonic()
        watch = self._watches.get(channel.id)
        if watch is None or watch.stream is not stream:
            self._watches.pop(channel.id, None)
            watch = _Watch(channel, stream, limits, Term(self._began(channel.id, now)), now)
            self._watches[channel.id] = watch
        watch.channel, watch.limits, watch.came, watch.here = channel, limits, now, True
        watch.settled = False
        watch.meter.look(now, stream.stats.octets)
        stream.gate = lambda tracks: self._pictures_fit(watch, tracks)

    def _began(self, channel_id: int, now: float) -> float:
        """Monotonic seconds: before now, if the broadcast is older than this process."""
        started = self._status.state(channel_id).started_at
        if started is None:
            return now
        return now - max(0.0, self._clock.time() - started.timestamp())

    def gone(self, channel: ChannelRef) -> None:
        """It is not connected any more."""
        watch = self._watches.get(channel.id)
        if watch is not None:
            watch.here = False
            watch.warned = None

    def look(self) -> None:
        """Look at every stream that runs; once a second."""
        now = self._clock.monotonic()
        for channel_id, watch in list(self._watches.items()):
            if watch.here:
                watch.meter.look(now, watch.stream.stats.octets)
                self._judge(watch, now)
            elif not self._status.is_running(channel_id):
                del self._watches[channel_id]
        if self._site.total_bitrate:
            self._judge_together(now)
        for channel_id, rest in list(self._rests.items()):
            if rest.rests.spent(now):
                del self._rests[channel_id]

    async def reread(self) -> None:
        """Ask again what holds for the streams that run; once in `looks.LOOK_SECONDS`."""
        found = await self.limits.of_many(list(self._watches))
        for channel_id, limits in found.items():
            watch = self._watches.get(channel_id)
            if watch is not None:
                watch.limits = limits

    def _judge(self, watch: _Watch, now: float) -> None:
        channel, limits, rate = watch.channel, watch.limits, watch.meter.rate
        if limits.duration and watch.term.left(now, limits.duration) <= 0:
            self._end(watch, now)
            return
        if not self._pictures_fit(watch, watch.stream.tracks):
            return
        rest = self._rests.get(channel.id)
        pace = watch.patience.look(now, rate, watch.meter.recent, limits.bitrate)
        if pace is Pace.TOO_MUCH:
            self._cut_for_rate(watch, "bitrate", words.too_fast(limits.bitrate, rate), now)
            return
        if pace is Pace.OVER:
            if rest is not None:
                rest.rests.over(now)
            if watch.warned is None:
                sentence = words.too_fast(limits.bitrate, rate)
                log.warning("%s: too high a bitrate: %s", channel.name, sentence.text())
                self.notices.put(
                    channel, "warning", "bitrate", words.cut_soon(sentence, rules.PATIENCE)
                )
            watch.warned = now
            return
        if rest is not None:
            rest.rests.fine(now)
        if watch.warned is not None and now - watch.warned >= rules.PATIENCE:
            watch.warned = None
            self.notices.clear(channel, "warning", "bitrate")
        if limits.duration and watch.term.tell(now, limits.duration):
            left = watch.term.left(now, limits.duration)
            sentence = words.ends_soon(limits.duration, left)
            log.info("%s: %s", channel.name, sentence.text())
            self.notices.put(channel, "warning", "duration", sentence)
        elif not watch.settled and now - watch.came >= SETTLED_SECONDS:
            watch.settled = True
            for kind in ("cut", "lost", "refused"):
                self.notices.clear(channel, kind)

    def _judge_together(self, now: float) -> None:
        limit, rate = self._site.total_bitrate, self.rate
        recent = sum(watch.meter.recent for watch in self._watches.values() if watch.here)
        pace = self._together.look(now, rate, recent, limit)
        if pace is Pace.FINE:
            self._told_together = False
        elif pace is Pace.OVER:
            if not self._told_together:
                log.warning(
                    "all streams together send %.1f Mbit/s, %.1f may be sent: if that lasts, the "
                    "last one is cut off",
                    rate / 1e6,
                    limit / 1e6,
                )
            self._told_together = True
        else:
            last = [watch for watch in self._watches.values() if watch.here][-1]
            self._cut_for_rate(last, "total_bitrate", words.site_too_fast(limit), now)

    def _pictures_fit(self, watch: _Watch, tracks: tuple[Track, ...]) -> bool:
        """Whether they may be shown; otherwise the encoder is cut off."""
        track = rules.larger_than(tracks, watch.limits.height)
        if track is None:
            return True
        sentence = words.too_large(watch.limits.height, track.width, track.height)
        self._rest(watch.channel, sentence).too_large(self._clock.monotonic())
        self._cut(watch, "height", sentence)
        return False

    def _end(self, watch: _Watch, now: float) -> None:
        sentence = words.too_long(watch.limits.duration)
        self._rest(watch.channel, sentence).ended(now)
        self.notices.put(watch.channel, "cut", "duration", sentence)
        self._status.end(watch.channel.id, sentence.text())

    def _cut_for_rate(self, watch: _Watch, code: str, sentence: Sentence, now: float) -> None:
        self._rest(watch.channel, sentence).cut(now)
        self._cut(watch, code, sentence)

    def _cut(self, watch: _Watch, code: str, sentence: Sentence) -> None:
        self.notices.put(watch.channel, "cut", code, sentence)
        self._status.cut(watch.channel.id, sentence.text())

    def _rest(self, channel: ChannelRef, why: Sentence) -> Rests:
        rest = self._rests.setdefault(channel.id, _Rest(Rests(), why))
        rest.why = why
        return rest.rests

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look()
            except Exception:
                log.exception("the limits of streams could not be looked at")
