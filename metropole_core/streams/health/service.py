"""Looks once a second at every stream that is live, and tells its creator what it found.

Nothing is done per packet but what the meter counts. What ingests and egresses find themselves
comes to the same place; where the meter measures the same, its figures are told and theirs not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import HealthFinding, StreamHealth, StreamUnwell
from metropole_core.limits.words import Sentence
from metropole_core.streams.health.model import ChannelHealth, Told, level_of
from metropole_core.streams.health.words import SEVERITIES, WORDS, words_of
from metropole_core.tasks import TaskOwner
from metropole_media.health import Code, Meter, Report, Severity
from metropole_media.live import LiveStream

log = logging.getLogger("metropole.health")

LOOK_SECONDS = 1.0
KEPT_SECONDS = 60
MAX_TOLD = 16
"""Findings of others than the meter, for one stream."""
FADES = {"timestamps_jump": 60.0}
"""Seconds after which something is told no longer; the rest holds until the encoder leaves."""
MEASURED = frozenset(code.value for code in Code)


@dataclass(slots=True)
class _FromOthers:
    told: Told
    at: float
    lasts: bool


@dataclass(slots=True)
class _Watch:
    """One broadcast."""

    channel: ChannelRef
    stream: LiveStream
    meter: Meter
    leave: Callable[[], None]
    others: dict[str, _FromOthers] = field(default_factory=dict)
    bitrates: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT_SECONDS))
    health: ChannelHealth | None = None
    shape: object = None


Listener = Callable[[int, ChannelHealth], None]


class StreamsHealth:
    """Every stream's health.

    Fields:
        listeners: called at each look for each stream, with the channel's number. Must not raise.
    """

    def __init__(self, clock: Clock, events: Events) -> None:
        self.listeners: list[Listener] = []
        self._clock = clock
        self._events = events
        self._watches: dict[int, _Watch] = {}
        self._tasks = TaskOwner("health", log)
        events.subscribe(StreamUnwell, self._on_unwell)

    def start(self) -> None:
        """Look from now on."""
        self._tasks.spawn(self._every_second(), "look")

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()
        for channel_id in list(self._watches):
            self._forget(channel_id)

    def came(self, channel: ChannelRef, stream: LiveStream) -> None:
        """An encoder was let in."""
        watch = self._watches.get(channel.id)
        if watch is not None and watch.stream is not stream:
            self._forget(channel.id)
            watch = None
        if watch is not None:
            watch.channel = channel
            return
        meter = Meter(self._clock.monotonic)
        try:
            leave = stream.subscribe(meter)
        except RuntimeError as error:
            log.error("%s: its health is not measured: %s", channel.name, error)
            return
        self._watches[channel.id] = _Watch(channel, stream, meter, leave)

    def gone(self, channel: ChannelRef) -> None:
        """It is not connected any more: what its ingest told is over."""
        watch = self._watches.get(channel.id)
        if watch is not None:
            watch.others = {code: each for code, each in watch.others.items() if each.lasts}

    def tell(self, channel_id: int, code: str, sentence: str, *, lasts: bool = False) -> None:
        """Somebody else found something.

        Arguments:
            sentence: shown where there are no words for the code.
            lasts: whether it holds until the broadcast ends, not only until its encoder leaves.
        """
        watch = self._watches.get(channel_id)
        if watch is None or code in MEASURED:
            return
        if code not in watch.others and len(watch.others) >= MAX_TOLD:
            return
        severity = SEVERITIES.get(code, Severity.WARNING)
        told = Told(code, severity, Sentence(WORDS.get(code, sentence)))
        watch.others[code] = _FromOthers(told, self._clock.monotonic(), lasts)

    def of(self, channel_id: int) -> ChannelHealth | None:
        """A channel's health at the last look; None when it was not live since."""
        watch = self._watches.get(channel_id)
        return watch.health if watch is not None else None

    def look(self) -> None:
        """Look at every stream; once a second."""
        for channel_id, watch in list(self._watches.items()):
            if watch.stream.ended:
                self._forget(channel_id)
                continue
            try:
                self._look(watch)
            except Exception:
                # One that cannot be measured is no reason to measure no other.
                log.exception("%s: its health is measured no longer", watch.channel.name)
                self._forget(channel_id)
                continue
            assert watch.health is not None
            for listener in self.listeners:
                listener(channel_id, watch.health)

    def _look(self, watch: _Watch) -> None:
        now = self._clock.monotonic()
        report = watch.meter.look()
        watch.bitrates.append(round(report.bitrate))
        for code, each in list(watch.others.items()):
            if now - each.at > FADES.get(code, float("inf")):
                del watch.others[code]
        findings = [Told(f.code, f.severity, words_of(f)) for f in report.findings]
        findings += [each.told for each in watch.others.values()]
        findings.sort(key=lambda each: -each.severity)
        self._show(watch, report, tuple(findings))

    def _show(self, watch: _Watch, report: Report, findings: tuple[Told, ...]) -> None:
        before = watch.health
        level = level_of(report, findings)
        signs = tuple((each.code, each.severity) for each in findings)
        shape = (level, signs, watch.stream.tracks)
        changed = watch.shape != shape
        known = watch.shape[1] if isinstance(watch.shape, tuple) else ()
        version = (before.version if before else 0) + changed
        watch.shape = shape
        watch.health = ChannelHealth(
            watch.channel.name, level, report, findings, version, tuple(watch.bitrates)
        )
        if not changed or (before is not None and before.level is level and signs == known):
            return
        for each in findings:
            if (each.code, each.severity) not in known and each.severity > Severity.HINT:
                log.info("%s: %s: %s", watch.channel.name, each.code, each.words.text())
        self._events.publish(
            StreamHealth(
                channel_id=watch.channel.id,
                name=watch.channel.name,
                level=level.value,
                findings=tuple(
                    HealthFinding(each.code, each.severity.name.lower(), each.words.text())
                    for each in findings
                ),
            )
        )

    def _forget(self, channel_id: int) -> None:
        watch = self._watches.pop(channel_id)
        watch.leave()

    async def _on_unwell(self, event: StreamUnwell) -> None:
        self.tell(event.channel_id, event.code, event.sentence, lasts=True)

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look()
            except Exception:
                log.exception("the health of streams could not be looked at")
