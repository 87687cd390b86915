"""Parts into segments: where a segment ends, and which configuration it has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from metropole_media.alignment import ROUNDING as FOLLOWERS
from metropole_media.alignment import Boundary, Grid, Leader
from metropole_media.fmp4 import Run, TrackEntry, fragment, init_segment
from metropole_media.live import Track
from metropole_media.numbers import Numbers, may_begin
from metropole_media.packaged import Health, Init, PackageSink, Part, SegmentStart
from metropole_media.soundtrack import Soundtrack
from metropole_media.timeline import VIDEO_TIMESCALE

VIDEO_NUMBER, AUDIO_NUMBER = 1, 2
"""track_ID"""
ROUNDING = 0.45
"""An EXTINF may exceed the target duration by what rounding to whole seconds takes away."""


@dataclass(frozen=True, slots=True)
class PackagerSettings:
    """How to cut.

    Fields:
        part_seconds: wished duration of a part; whole frames, so it comes near.
        min_segment_seconds: key frames that follow sooner do not begin a segment.
        first_segment_seconds: longest first segment, before the target duration is known.
        long_target_seconds: target duration when no key frame came in that time.
        audio_segment_seconds: duration of a segment of sound alone.
        max_segment_octets: a segment that grows larger ends early.
    """

    part_seconds: float = 0.2
    min_segment_seconds: float = 0.4
    first_segment_seconds: float = 5.0
    long_target_seconds: int = 10
    audio_segment_seconds: float = 2.0
    max_segment_octets: int = 64 * 1024 * 1024


class Segmenter:
    """Puts parts into segments and tells the sink.

    Arguments:
        sink: takes them.
        clock: monotonic seconds.
        settings: how to cut.
        numbers: where it begins to count.
        grid: where segments begin.
        leader: says so; None: another one leads, and each segment is given to `follow`.

    Fields:
        part_target: longest duration of a part in seconds; set before the first part.
        frame_rate: frames a second; likewise.
        max_octets: of a segment; one that grows larger ends early. May be changed at any time.
        end_known: the open segment ends in time without being watched.
    """

    def __init__(
        self,
        sink: PackageSink,
        clock: Callable[[], float],
        settings: PackagerSettings,
        numbers: Numbers,
        grid: Grid,
        leader: Leader | None,
    ) -> None:
        self.part_target = 0.0
        self.frame_rate = 0.0
        self.max_octets = settings.max_segment_octets
        self.end_known = False
        self._sink = sink
        self._clock = clock
        self._numbers = numbers
        self._settings = settings
        self._grid = grid
        self._leader = leader
        self._video: Track | None = None
        self._audio: Track | None = None
        self._first_end: float | None = None
        self._parts = numbers.part
        self._begun = 0
        self._inits = 0
        self._init_pending = False
        self._next: SegmentStart | None = None
        self._open = False
        self._cut = False
        self._seconds = 0.0
        self._octets = 0
        self._last_wall = 0.0
        self._told: set[Health] = set()

    def configure(self, video: Track | None, audio: Track | None) -> None:
        """Segments that begin from now on hold these tracks. No segment may be open."""
        self._video, self._audio = video, audio
        self._init_pending = True

    @property
    def between(self) -> bool:
        """Whether no segment is open, and none has been begun."""
        return not self._open and self._next is None

    def may_end(self, open_seconds: float) -> bool:
        """Whether a key frame that comes after so many seconds of the open part begins a
        segment."""
        seconds = self._seconds if self._open else 0.0
        if seconds + open_seconds < self._settings.min_segment_seconds:
            return False
        if self._first_end is None:
            return True
        return may_begin(self._begun, self._clock() - self._first_end)

    def lead(
        self, pts: int, hard: bool, sound: tuple[Soundtrack, int] | None, ago: float = 0.0
    ) -> None:
        """The next part begins a segment, if none is open: say so at once, that others can
        follow. See `Leader.begin`."""
        if self.between and self._leader is not None:
            self._next = _start(self._leader.begin(pts, self._init_pending, hard, sound, ago), pts)

    def follow(self, boundary: Boundary, pts: int, *, anew: bool) -> None:
        """The next part begins the segment that the leader began there. None may be open.

        Arguments:
            pts: of its first frame.
            anew: it does not follow the one before.
        """
        if anew:
            self._sink.on_restart()
        self._next = _start(boundary, pts)

    def emit(self, runs: list[Run], seconds: float, independent: bool, last: bool) -> None:
        """Hand over a part. If no segment is open, one was begun.

        Arguments:
            last: whether the caller ends the segment behind it.
        """
        if not self._open:
            if self._cut and not independent and runs[0].number == VIDEO_NUMBER:
                self.tell(Health.LONG_GOP)
            self._begin()
        data = fragment(self._parts + 1, runs)
        self._seconds += seconds
        self._octets += len(data)
        too_large = not last and self._octets >= self.max_octets
        too_long = not last and self._seconds + self.part_target > self._longest()
        part = Part(self._parts, seconds, independent, data, last or too_large or too_long)
        self._parts += 1
        self._sink.on_part(part)
        if too_large:
            self.tell(Health.TOO_LARGE)
        if too_large or too_long:
            self.end(cut=True)
            self._cut = not too_large

    def end(self, *, cut: bool = False) -> None:
        """The open segment, if there is one, has all its parts.

        Arguments:
            cut: because it got long, not because a key frame came.
        """
        if not self._open:
            return
        self._open = False
        if self._first_end is None:
            self._first_end = self._clock()
        grid = self._grid
        if not grid.target_duration:
            if cut and self._video is not None:
                grid.target_duration = self._settings.long_target_seconds
            else:
                grid.target_duration = max(2, math.ceil(self._seconds - 0.1))
        self._sink.on_segment_end(grid.target_duration)

    def finish(self) -> None:
        """The broadcast is over."""
        self._sink.on_end()

    def tell(self, code: Health) -> None:
        """Say once that something is wrong."""
        if code not in self._told:
            self._told.add(code)
            self._sink.on_health(code)

    def _begin(self) -> None:
        start = self._next
        assert start is not None, "parts come when a segment was begun"
        if self._init_pending:
            self._init_pending = False
            self._sink.on_init(self._make_init())
            self._inits += 1
        self._next, self._open, self._cut = None, True, False
        self._seconds = 0.0
        self._octets = 0
        self._begun += 1
        self._sink.on_segment_begin(start)

    def _make_init(self) -> Init:
        entries = []
        if self._video is not None:
            entries.append(TrackEntry(VIDEO_NUMBER, VIDEO_TIMESCALE, self._video))
        if self._audio is not None:
            entries.append(TrackEntry(AUDIO_NUMBER, self._audio.sample_rate, self._audio))
        tracks = tuple(entry.track for entry in entries)
        rate = self.frame_rate if self._video is not None else 0.0
        return Init(self._inits, init_segment(entries), tracks, self.part_target, rate)

    def _longest(self) -> float:
        target = self._grid.target_duration
        if self._leader is None:
            # It waits a little longer for the leader to end a segment that is too long.
            return target + FOLLOWERS if target and not self.end_known else math.inf
        if self._video is None:
            return self._settings.audio_segment_seconds + self.part_target / 2
        if not target:
            return self._settings.first_segment_seconds
        return target + ROUNDING


def _start(boundary: Boundary, pts: int) -> SegmentStart:
    return SegmentStart(
        boundary.number,
        boundary.wall + (pts - boundary.at) / VIDEO_TIMESCALE,
        boundary.discontinuity,
        boundary.sequence,
    )
