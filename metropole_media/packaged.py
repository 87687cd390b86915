"""What a packager makes of a LiveStream, and who takes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from metropole_media.live import Track


@dataclass(frozen=True, slots=True)
class Init:
    """An initialisation segment.

    Fields:
        number: from 0; a new configuration has the next one.
        data: ftyp and moov.
        tracks: what it describes.
        part_target: longest duration of a part in seconds, the same for the packager's life.
        frame_rate: frames a second, measured where the source does not say it; 0.0 without video.
    """

    number: int
    data: bytes
    tracks: tuple[Track, ...]
    part_target: float
    frame_rate: float


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """A segment begins.

    Fields:
        number: without a gap, but for `PackageSink.on_restart`.
        wall: Unix time of its first frame's presentation.
        discontinuity: the configuration or the time line differs from the segment before.
        sequence: its discontinuity sequence number, with its own discontinuity counted; None
            where nobody else counts.
    """

    number: int
    wall: float
    discontinuity: bool
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One moof with its mdat.

    Fields:
        number: running from that of `Numbers`, never starting anew within a segment: the name of
            the next part is known before it is known which segment it falls into.
        duration: seconds.
        independent: decoding can begin with its first frame.
        data: the octets.
        last: the end of the segment is told in the same step. Only such a part may be short.
    """

    number: int
    duration: float
    independent: bool
    data: bytes | memoryview
    last: bool = False


class Health(str, Enum):
    """What is wrong with a stream, as far as a packager sees it."""

    LONG_GOP = "long_gop"
    """Key frames are so far apart that segments had to be cut between them."""
    NO_KEY_FRAME = "no_key_frame"
    """Frames arrive, but none that decoding could begin with: nothing can be played."""
    VIDEO_STALLED = "video_stalled"
    """Sound arrives without picture."""
    AUDIO_STALLED = "audio_stalled"
    """Picture arrives without sound, or with sound that is far behind."""
    TOO_LARGE = "too_large"
    """So much data that segments or parts had to be cut early."""
    LOW_MEMORY = "low_memory"
    """All streams together need more memory than there is for them. Told by whoever keeps it."""


class PackageSink(Protocol):
    """Who takes what a `Packager` makes. Calls are synchronous and must not block.

    The order is: `on_init`, then for each segment `on_segment_begin`, `on_part` once or more,
    `on_segment_end`; at last `on_end`. `on_init` and `on_restart` come again between segments.
    """

    def on_init(self, init: Init) -> None:
        """Segments that begin from now on belong to this initialisation segment."""

    def on_segment_begin(self, segment: SegmentStart) -> None:
        """A segment begins; its first part follows in the same step."""

    def on_part(self, part: Part) -> None:
        """A part of the open segment is complete."""

    def on_segment_end(self, target_duration: int) -> None:
        """The open segment has all its parts. The target duration in seconds never changes."""

    def on_restart(self) -> None:
        """Segments are missing between those that were and those that come."""

    def on_health(self, code: Health) -> None:
        """Something is wrong; told once for each code."""

    def on_end(self) -> None:
        """The broadcast is over; no call follows."""
