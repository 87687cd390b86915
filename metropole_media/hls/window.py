"""The newest parts and segments, bounded in time and octets.

A segment that leaves the playlist stays fetchable for a while: players ask for what they read a
moment ago. When memory runs short, the oldest segments go first, whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from metropole_media.hls.budget import Budget, Share
from metropole_media.hls.names import Names
from metropole_media.numbers import Numbers
from metropole_media.packaged import Init, Part, SegmentStart

LEAST_TARGETS = 3
"""A playlist holds at least so many target durations (section 6.2.2)."""


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """What is kept.

    Fields:
        min_segments, min_seconds: the playlist holds at least so much, once it was there.
        max_segments: and never more than this.
        linger_seconds: how long a segment stays fetchable when it has left the playlist.
        max_octets: of all parts together.
        hold_back: players are told to stay so many seconds behind; at least what low-latency
            playback needs, whatever stands here.
    """

    min_segments: int = 12
    min_seconds: float = 30.0
    max_segments: int = 240
    linger_seconds: float = 20.0
    max_octets: int = 256 * 1024 * 1024
    hold_back: float = 0.0


@dataclass(slots=True)
class Segment:
    """A segment with its parts.

    Fields:
        number: its media sequence number.
        wall: Unix time of its first frame.
        discontinuity: it does not continue the segment before.
        init: its initialisation segment.
        parts: so far.
        complete: whether it has all of them.
        data: all parts, one behind the other, when it is complete.
        seconds, octets: of its parts together.
        text: lines of the playlist, kept by whoever writes it; for complete segments only.
    """

    number: int
    wall: float
    discontinuity: bool
    init: Init
    parts: list[Part] = field(default_factory=list)
    complete: bool = False
    data: bytes = b""
    seconds: float = 0.0
    octets: int = 0
    text: dict[bool, str] = field(default_factory=dict)

    def close(self) -> None:
        """It has all its parts. From now on they are views of one piece of memory: many clients
        that read slowly hold this one, not a copy each."""
        self.complete = True
        self.data = b"".join([part.data for part in self.parts])
        view, end = memoryview(self.data), 0
        for index, part in enumerate(self.parts):
            begin, end = end, end + len(part.data)
            self.parts[index] = replace(part, data=view[begin:end])


class Window:
    """Segments in the playlist, and those that have just left it.

    Arguments:
        clock: monotonic seconds.
        numbers: where the packager that fills it begins to count.
        budget: what it shares with other windows of its stream.

    Fields:
        names: of what is in it.
        listed: segments in the playlist; the last one may be open.
        discontinuities: in segments that have left the playlist.
        octets: kept in all.
        target_duration: in seconds, 0 until the first segment is complete.
        part_target: in seconds, 0.0 until the first init segment.
        next_part: number of the part that comes next.
        dependent: whether a segment ever began without a key frame.
        hold_back: seconds that players should stay behind, at least.
        ended: nothing follows.
        squeezed: called when the budget has taken a listed segment away.
    """

    def __init__(
        self,
        limits: WindowLimits,
        clock: Callable[[], float],
        names: Names | None = None,
        numbers: Numbers | None = None,
        budget: Share | None = None,
    ) -> None:
        numbers = numbers or Numbers()
        self.names = names or Names()
        self.listed: deque[Segment] = deque()
        self.discontinuities = numbers.discontinuities
        self.octets = 0
        self.target_duration = 0
        self.part_target = 0.0
        self.next_part = numbers.part
        self.hold_back = limits.hold_back
        self.ended = False
        self.dependent = False
        self.squeezed: Callable[[], None] = lambda: None
        self._budget = budget or Budget(limits.max_octets).open(limits.max_octets)
        self._begin = numbers.segment
        self._limits = limits
        self._clock = clock
        self._listed_seconds = 0.0
        self._left: deque[tuple[float, Segment]] = deque()
        self._init: Init | None = None
        self._parts: dict[int, Part] = {}
        self._segments: dict[int, Segment] = {}
        self._budget.join(self)

    # What a packager tells

    def add_init(self, init: Init) -> None:
        """Segments that begin from now on belong to it."""
        self._init = init
        self.part_target = init.part_target

    def begin_segment(self, start: SegmentStart) -> None:
        """Open a segment."""
        assert self._init is not None
        if not self.listed:
            self._begin = start.number
            if start.sequence is not None:
                self.discontinuities = start.sequence - start.discontinuity
        segment = Segment(start.number, start.wall, start.discontinuity, self._init)
        self.listed.append(segment)
        self._segments[segment.number] = segment

    def add_part(self, part: Part) -> None:
        """Put a part into the open segment, and let go of what is too much."""
        segment = self.listed[-1]
        if not segment.parts and not part.independent:
            self.dependent = True
        segment.parts.append(part)
        segment.seconds += part.duration
        segment.octets += len(part.data)
        self._listed_seconds += part.duration
        self._parts[part.number] = part
        self.octets += len(part.data)
        self.next_part = part.number + 1
        self._shrink()
        self._budget.grew(len(part.data))

    def end_segment(self, target_duration: int) -> None:
        """The open segment is complete."""
        self.target_duration = target_duration
        newest = self.listed[-1]
        newest.close()
        self._parts.update((part.number, part) for part in newest.parts)
        limits = self._limits
        while len(self.listed) > limits.max_segments or (
            len(self.listed) > limits.min_segments
            and self._listed_seconds - self.listed[0].seconds >= limits.min_seconds - 0.001
        ):
            self._unlist()

    def restart(self) -> None:
        """What comes does not follow what is listed, which leaves the playlist."""
        while self.listed:
            self._unlist()

    def end(self) -> None:
        """Nothing follows."""
        self.ended = True
        self._budget.ended()

    # What is there

    @property
    def last_complete(self) -> int:
        """Number of the newest complete segment; that before the first when there is none."""
        for segment in reversed(self.listed):
            if segment.complete:
                return segment.number
        return self._begin - 1

    def holds(self, seconds: float) -> bool:
        """Whether the playlist becomes so long, for segments of the target duration, as long as
        there is memory."""
        limits = self._limits
        longest = limits.max_segments * self.target_duration
        wished = max(limits.min_seconds, limits.min_segments * self.target_duration)
        return min(wished, longest) >= seconds

    def has(self, segment: int, part: int | None) -> bool:
        """Whether the playlist holds that part, or with None that whole segment, or what comes
        later. A part behind a segment's last one is the next segment's first (section 6.2.5.2)."""
        newest = self.listed[-1] if self.listed else None
        if newest is None or segment > newest.number:
            return False
        if segment == newest.number:
            if part is None:
                return newest.complete
            return part < len(newest.parts)
        # The newest segment has a part, and is the one behind `segment` or a later one.
        return True

    def part(self, number: int) -> Part | None:
        """A part that can be fetched."""
        return self._parts.get(number)

    def segment(self, number: int) -> Segment | None:
        """A complete segment that can be fetched."""
        segment = self._segments.get(number)
        return segment if segment is not None and segment.complete else None

    def init(self, number: int) -> Init | None:
        """An initialisation segment that something kept belongs to."""
        if self._init is not None and self._init.number == number:
            return self._init
        for segment in self._kept():
            if segment.init.number == number:
                return segment.init
        return None

    def _kept(self) -> Iterator[Segment]:
        yield from (segment for _, segment in self._left)
        yield from self.listed

    # Letting go

    @property
    def lingering_until(self) -> float | None:
        """When the oldest segment that has left the playlist is let go of; None without one."""
        return self._left[0][0] if self._left else None

    @property
    def spare(self) -> bool:
        """Whether players have enough without the oldest segment (section 6.2.2)."""
        rest = self._listed_seconds - self.listed[0].seconds
        return rest >= LEAST_TARGETS * self.target_duration > 0

    def drop_lingering(self) -> None:
        """Let go of the oldest segment that has left the playlist."""
        self._forget(self._left.popleft()[1])

    def give(self) -> None:
        """Let go of the oldest segment in the playlist at once; it must not be the only one of a
        window that has not ended."""
        self._unlist()
        self.drop_lingering()
        self.squeezed()

    def clear(self) -> None:
        """Let go of everything. It has ended, and is not asked for any more."""
        while self.listed:
            self._unlist()
        while self._left:
            self.drop_lingering()
        self._budget.leave(self)

    def _shrink(self) -> None:
        now = self._clock()
        while self._left and (
            self._left[0][0] <= now
            or self.octets > self._limits.max_octets
            or len(self._left) > self._limits.max_segments
        ):
            self._forget(self._left.popleft()[1])
        while self.octets > self._limits.max_octets and len(self.listed) > 1:
            self._unlist()
            self._forget(self._left.popleft()[1])

    def _unlist(self) -> None:
        segment = self.listed.popleft()
        self._listed_seconds -= segment.seconds
        self.discontinuities += segment.discontinuity
        self._left.append((self._clock() + self._limits.linger_seconds, segment))

    def _forget(self, segment: Segment) -> None:
        self.octets -= segment.octets
        self._budget.shrank(segment.octets)
        del self._segments[segment.number]
        for part in segment.parts:
            del self._parts[part.number]
