"""Where the segments of a stream begin, the same in all its renditions.

The packager of the source leads: it says which segment begins when. Those of the other renditions
follow: each begins segment n where it has a key frame of the same presentation time, so that a
player can go on with segment n + 1 of any of them. Presentation times are what is compared: an
encoder that does not reorder decodes the same picture at another time.

Source: RFC 8216bis section 6.2.4 (variant streams: matching target durations, discontinuity
sequence numbers and dates).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from metropole_media.numbers import Numbers
from metropole_media.soundtrack import Soundtrack
from metropole_media.timeline import VIDEO_TIMESCALE

KEPT = 256
"""Boundaries that followers can still reach: 50 s at least, eight minutes of segments of 2 s."""
SOUNDS = 4
"""Configurations of the sound that are kept for followers: an encoder may change them often."""
CATCH_UP = VIDEO_TIMESCALE // 5
"""A follower that is a segment late begins the next one so soon."""
WALL_TOLERANCE = 1.0
ROUNDING = 0.49
"""Seconds by which rounding lets a segment exceed the target duration."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A segment begins.

    Fields:
        number: its media sequence number.
        at: presentation time of its first frame, in ticks of `VIDEO_TIMESCALE`.
        wall: the same as Unix time.
        discontinuity: it does not continue the segment before.
        sequence: its discontinuity sequence number, with its own discontinuity counted.
        hard: it does not begin with a key frame.
        sound: what the source carries from here on; None without sound.
        sound_at: place of the first packet of `sound` that belongs to it.
    """

    number: int
    at: int
    wall: float
    discontinuity: bool
    sequence: int
    hard: bool = False
    sound: Soundtrack | None = None
    sound_at: int = 0


class Grid:
    """The boundaries of a stream, written by its leader and read by its followers.

    Fields:
        passed: how far the leader has decided, in ticks.
        target_duration: of all renditions, in seconds; 0 until a segment is complete.
        part_target: of the leader, in seconds; 0.0 until it is known.
    """

    def __init__(self) -> None:
        self.passed = -1
        self.target_duration = 0
        self.part_target = 0.0
        self._boundaries: deque[Boundary] = deque(maxlen=KEPT)
        self._sounds: deque[Soundtrack] = deque()

    @property
    def patience(self) -> float:
        """Ticks of a segment after which there is no more waiting for a key frame: another part
        would make it too long."""
        seconds = self.target_duration + ROUNDING - 1.1 * self.part_target
        return max(seconds, 0.0) * VIDEO_TIMESCALE if self.target_duration else math.inf

    def add(self, boundary: Boundary) -> None:
        """The leader begins a segment; each has the number behind the one before."""
        self._boundaries.append(boundary)
        sound, sounds = boundary.sound, self._sounds
        if sound is not None and not (sounds and sounds[-1] is sound):
            sounds.append(sound)
            if len(sounds) > SOUNDS:
                sounds.popleft().clear()
        self.passed = max(self.passed, boundary.at)

    def get(self, number: int) -> Boundary | None:
        """The begin of a segment; None when it is not known yet, or no longer."""
        if not self._boundaries:
            return None
        index = number - self._boundaries[0].number
        return self._boundaries[index] if 0 <= index < len(self._boundaries) else None

    def forgot(self, number: int) -> bool:
        """Whether a segment began so long ago that nobody remembers."""
        return bool(self._boundaries) and number < self._boundaries[0].number

    def before(self, at: int) -> Boundary | None:
        """The newest segment that begins at that time or earlier."""
        return next((each for each in reversed(self._boundaries) if each.at <= at), None)


class Leader:
    """Numbers and dates the segments of the source, and writes them into the grid.

    Arguments:
        wall: Unix time in seconds.
    """

    def __init__(self, grid: Grid, wall: Callable[[], float], numbers: Numbers) -> None:
        self._grid = grid
        self._wall = wall
        self._number = numbers.segment
        self._sequence = numbers.discontinuities
        self._continues = numbers.resumed
        self._anchor: tuple[float, int] | None = None
        self._last_wall = 0.0

    def set_clock(self, pts: int) -> None:
        """That presentation time is now."""
        self._anchor = (self._wall(), pts)

    def begin(
        self,
        pts: int,
        broken: bool,
        hard: bool,
        sound: tuple[Soundtrack, int] | None,
        ago: float = 0.0,
    ) -> Boundary:
        """A segment begins.

        Arguments:
            pts: of its first frame.
            broken: its initialisation segment is another than that of the segment before.
            hard: it does not begin with a key frame.
            sound: what is muxed, and the place of its first packet in this segment.
            ago: seconds since its first frame came.
        """
        discontinuity = broken and self._continues
        self._continues = True
        self._sequence += discontinuity
        track, place = sound if sound is not None else (None, 0)
        wall = self._wall_time(pts, ago)
        boundary = Boundary(
            self._number, pts, wall, discontinuity, self._sequence, hard, track, place
        )
        self._number += 1
        self._grid.add(boundary)
        return boundary

    def _wall_time(self, pts: int, ago: float) -> float:
        """Wall time of a presentation time: one line for a publisher's stay, unless the
        encoder's clock runs away from ours. Never goes back."""
        now = self._wall() - ago
        at, ticks = self._anchor or (now, pts)
        wall = at + (pts - ticks) / VIDEO_TIMESCALE
        if abs(wall - now) > WALL_TOLERANCE:
            wall = now
            self._anchor = (now, pts)
        self._last_wall = max(wall, self._last_wall + 0.001)
        return self._last_wall


class Step(Enum):
    """What a follower does with a frame."""

    GO_ON = "go on"
    """It belongs to the open segment."""
    BEGIN = "begin"
    """It begins the segment behind the open one, or the first."""
    ANEW = "anew"
    """It begins a segment, and those between the last one and this will never be."""
    WAIT = "wait"
    """The leader has not come so far."""
    LEAVE_OUT = "leave out"
    """Nothing can begin with it."""


class _State(Enum):
    OPEN = "open"
    """Frames go into the segment."""
    CUT = "cut"
    """The segment ended before its time, and the next frame continues it."""
    LOST = "lost"
    """Nothing is continued: a key frame is needed."""


class Follower:
    """Says of each frame of a rendition what begins with it. One object for a rendition's life.

    Arguments:
        tolerance: ticks by which the times of two frames may differ that are the same: half a
            frame.
        anywhere: whether it may come into a segment in the middle: sound alone, with which decoding
            begins everywhere.

    Fields:
        boundary: where the leader began the segment that was begun last.
        tolerance: may be changed.
    """

    def __init__(
        self, grid: Grid, tolerance: int = VIDEO_TIMESCALE // 60, *, anywhere: bool = False
    ) -> None:
        self.boundary: Boundary | None = None
        self.tolerance = tolerance
        self._grid = grid
        self._anywhere = anywhere
        self._state = _State.LOST
        self._begun_at = 0
        self._waits_since: int | None = None

    @property
    def open(self) -> bool:
        """Whether there is a segment that frames go into."""
        return self._state is _State.OPEN

    def cut(self) -> None:
        """The segment ended before its time; the next frame continues it."""
        self._state = _State.CUT

    def lose(self) -> None:
        """The segment ended, and the next frame does not continue it."""
        self._state, self._waits_since = _State.LOST, None

    def end_known(self, pts: int) -> bool:
        """Whether it is known where the open segment ends, behind that time."""
        following = self._following
        return following is not None and pts < following.at - self.tolerance

    def judge(self, dts: int, pts: int, key: bool, *, force: bool = False) -> Step:
        """What to do with the next frame.

        Arguments:
            dts, pts: in ticks.
            key: whether decoding can begin with it.
            force: do not wait for the leader.
        """
        if not force and (pts if key else dts) > self._grid.passed + self.tolerance:
            return Step.WAIT
        if self._state is _State.LOST:
            return self._start(pts, key)
        following = self._following
        if following is None:
            known = self.boundary is not None and not self._grid.forgot(self.boundary.number)
            if not known or (force and not self.open):
                return self._start_anew(pts, key)
            # Behind a cut, the next segment's number is not known yet.
            return Step.GO_ON if self.open else Step.WAIT
        if self.open and pts < following.at - self.tolerance:
            return Step.GO_ON
        if self._reached(following.number + 2, pts):
            # It stood still for so long that segments are missing.
            return self._start_anew(pts, key)
        late = self._reached(following.number + 1, pts)
        overdue = self._begun_at >= following.at - self.tolerance
        overdue = overdue and pts - self._begun_at >= CATCH_UP
        full = pts - self._begun_at > self._grid.patience
        if key or following.hard or late or overdue or full or self._state is _State.CUT:
            return self._begin(following, pts, Step.BEGIN)
        return Step.GO_ON

    @property
    def _following(self) -> Boundary | None:
        return self._grid.get(self.boundary.number + 1) if self.boundary is not None else None

    def _reached(self, number: int, pts: int) -> bool:
        boundary = self._grid.get(number)
        return boundary is not None and pts >= boundary.at - self.tolerance

    def _begin(self, boundary: Boundary, pts: int, step: Step) -> Step:
        self.boundary, self._state, self._begun_at = boundary, _State.OPEN, pts
        self._waits_since = None
        return step

    def _start_anew(self, pts: int, key: bool) -> Step:
        self.lose()
        return self._start(pts, key)

    def _start(self, pts: int, key: bool) -> Step:
        """Begin with a key frame at a boundary. If none comes for a whole segment, the key frames
        lie elsewhere: then with any."""
        if not key:
            return Step.LEAVE_OUT
        found = self._grid.before(pts + self.tolerance)
        last = self.boundary
        if found is None or (last is not None and found.number <= last.number):
            return Step.LEAVE_OUT
        if pts - found.at > self.tolerance and not self._anywhere:
            since = self._waits_since
            if since is None:
                self._waits_since = pts
            if since is None or found.at <= since:
                return Step.LEAVE_OUT
        missing = last is not None and found.number > last.number + 1
        return self._begin(found, pts, Step.ANEW if missing else Step.BEGIN)
