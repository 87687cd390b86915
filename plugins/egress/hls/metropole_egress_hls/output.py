"""One stream as this egress plays it out: subscriber, window, answers, address."""

from __future__ import annotations

import logging
from collections.abc import Callable

from metropole_core.contracts.egress import PlaybackSource
from metropole_core.contracts.latency import Latency
from metropole_egress_hls.latency import Pace
from metropole_egress_hls.playout import INDEX, Playout
from metropole_egress_hls.settings import HlsSettings
from metropole_media.hls.budget import Budget
from metropole_media.hls.names import Names
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream
from metropole_media.numbers import Numbers
from metropole_media.packaged import Health
from metropole_media.packager import Packager
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
        names: of the files.
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
        names: Names,
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
        self._url = url
        self._latency = latency
        self._pace = pace
        self._closed: Callable[[], None] | None = closed
        self._tell = unwell
        self._log = log
        octets = settings.memory_mib * 1024 * 1024
        limits = WindowLimits(
            min_segments=settings.window_segments,
            min_seconds=settings.window_seconds,
            linger_seconds=settings.linger_seconds,
            max_octets=octets,
            hold_back=pace.behind_seconds,
        )
        window = Window(limits, clock, names, numbers, budget)
        self.playout = Playout(window, available, self._unwell)
        self.packager = Packager(
            self.playout,
            clock,
            wall,
            PackagerSettings(
                part_seconds=pace.part_seconds,
                max_segment_octets=octets // SEGMENTS_IN_MEMORY,
            ),
            numbers,
        )
        budget.join(window, lambda share: self.packager.limit_segments(share // 2))
        self._unsubscribe = stream.subscribe(self.packager)

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
        self._unsubscribe()
        if not self.playout.window.ended:
            self.packager.on_end()
        closed()

    def _unwell(self, code: Health) -> None:
        sentence = SENTENCES[code]
        self._log.warning("%s: %s", self._name, sentence)
        self._tell(code.value, f"{sentence[0].upper()}{sentence[1:]}.")
