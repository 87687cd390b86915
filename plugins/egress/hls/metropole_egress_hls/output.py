"""One stream as this egress plays it out: packagers, windows, answers, address."""

from __future__ import annotations

import logging
from collections.abc import Callable

from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.latency import Latency
from metropole_egress_hls.latency import Pace
from metropole_egress_hls.playout import INDEX, Playout
from metropole_egress_hls.rendition import Rendition
from metropole_egress_hls.renditions import Renditions
from metropole_egress_hls.settings import HlsSettings
from metropole_media.alignment import Grid
from metropole_media.following import FollowingPackager
from metropole_media.hls.budget import Budget
from metropole_media.hls.names import RENDITION, Names
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream
from metropole_media.numbers import Numbers
from metropole_media.packaged import Health
from metropole_media.packager import Choice, Packager
from metropole_media.segmenter import PackagerSettings

SEGMENTS_IN_MEMORY = 4
"""The memory of a stream holds at least so many segments, however large they are."""

SENTENCES = {
    Health.LONG_GOP: "key frames are too far apart, viewers start late: set the key frame "
    "interval of the encoder to 2 s",
    Health.NO_KEY_FRAME: "the encoder sends no key frame, so that nothing can be played: set the "
    "key frame interval of the encoder to 2 s",
    Health.AUDIO_STALLED: "the encoder sends picture but no sound, or sound that is seconds "
    "behind: viewers hear silence",
    Health.VIDEO_STALLED: "the encoder sends sound but no picture",
    Health.TOO_LARGE: "the bit rate is too high for the memory of a stream (memory_mib), or for "
    "its share of the memory of all (memory_total_mib)",
    Health.LOW_MEMORY: "all streams together need more memory than there is for them "
    "(memory_total_mib): viewers can rewind less",
}


class HlsOutput:
    """An `Output`.

    Arguments:
        name: of the channel, for the log.
        run: tells the files of this opening of a broadcast from those of another.
        numbers: where they begin to count.
        budget: the memory of all streams.
        url: where the stream is served.
        latency: what the creator chose.
        pace: what that means for parts and players.
        closed: called once, when it is closed.
        unwell: told what is wrong with the stream: a code and a sentence.
        clock, wall: monotonic seconds and Unix time.
    """

    def __init__(
        self,
        name: str,
        run: str,
        numbers: Numbers,
        budget: Budget,
        stream: LiveStream,
        url: str,
        latency: Latency,
        pace: Pace,
        settings: HlsSettings,
        available: Callable[[], None],
        closed: Callable[[], None],
        unwell: Callable[[str, str], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._name = name
        self._run = run
        self._numbers = numbers
        self._url = url
        self._latency = latency
        self._pace = pace
        self._closed: Callable[[], None] | None = closed
        self._tell = unwell
        self._told: set[Health] = set()
        self._clock = clock
        self._log = log
        octets = settings.memory_mib * 1024 * 1024
        self._limits = WindowLimits(
            min_segments=settings.window_segments,
            min_seconds=settings.window_seconds,
            linger_seconds=settings.linger_seconds,
            max_octets=octets,
            hold_back=pace.behind_seconds,
        )
        self._cut = PackagerSettings(
            part_seconds=pace.part_seconds, max_segment_octets=octets // SEGMENTS_IN_MEMORY
        )
        self._renditions: Renditions | None = None
        self._share_octets = octets
        self._share = budget.open(octets, self._shared)
        self._grid = Grid()
        source = self._rendition(RENDITION, self._unwell)
        self.playout = Playout(source, clock, settings.linger_seconds, available)
        self.packager = Packager(source, clock, wall, self._cut, numbers, grid=self._grid)
        self._renditions = Renditions(
            stream, self.packager, self._follow, self.playout, self._limit, log
        )
        self._limit()

    def source(self) -> PlaybackSource:
        """How to play it."""
        return PlaybackSource(
            engine="hls",
            url=f"{self._url}/{INDEX}",
            mime_type="application/vnd.apple.mpegurl",
            latency_ms=self._pace.latency_ms,
            target_ms=self._pace.target_ms,
            latency=self._latency,
        )

    def close(self) -> None:
        """Take nothing more. Players can fetch the end for a while."""
        closed, self._closed = self._closed, None
        if closed is None:
            return
        assert self._renditions is not None
        self._renditions.on_end()
        closed()

    # Renditions

    def _rendition(self, name: str, health: Callable[[Health], None]) -> Rendition:
        names = Names(name + self._run)
        window = Window(self._limits, self._clock, names, self._numbers, self._share)
        return Rendition(
            name,
            window,
            health,
            lambda: self.playout.progressed(),
            lambda rendition: self.playout.others(rendition),
            lambda: self.playout.window.last_complete,
        )

    def _follow(self, name: str, choice: Choice) -> tuple[Rendition, FollowingPackager]:
        rendition = self._rendition(name, self._unwell_beside)
        packager = FollowingPackager(
            rendition, self._clock, self._cut, self._numbers, self._grid, choice
        )
        return rendition, packager

    def _shared(self, octets: int) -> None:
        # Of the memory of all; one stream may have less.
        self._share_octets = min(octets, self._limits.max_octets)
        if self._renditions is not None:
            self._limit()

    def _limit(self) -> None:
        """A complete segment and the open one of each cannot be taken away: half of the share is
        for the source, half for all others. Those are smaller, unless an encoder makes them itself
        and does as it likes."""
        followers = self._renditions.followers if self._renditions is not None else []
        octets = self._share_octets // (4 if followers else 2)
        self.packager.limit_segments(octets)
        for packager in followers:
            packager.limit_segments(octets // len(followers))

    # Health

    def _unwell(self, code: Health) -> None:
        if code in self._told:
            return
        self._told.add(code)
        sentence = SENTENCES[code]
        self._log.warning("%s: %s", self._name, sentence)
        self._tell(code.value, f"{sentence[0].upper()}{sentence[1:]}.")

    def _unwell_beside(self, code: Health) -> None:
        """What is wrong with the source is told of the source."""
        if code is Health.LOW_MEMORY:
            self._unwell(code)
