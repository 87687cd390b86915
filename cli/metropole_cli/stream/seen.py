"""What a look at a stream has seen, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from metropole_cli.stream.others import Other


@dataclass(frozen=True, slots=True)
class PartSeen:
    """A part that came while we looked.

    Fields:
        duration: seconds.
        arrived: monotonic seconds when it was here.
        age: seconds between the arrival of its last frame at the server and its arrival here;
            None when the playlist tells no time.
    """

    duration: float
    arrived: float
    age: float | None


@dataclass(frozen=True, slots=True)
class Video:
    """The picture.

    Fields:
        codec: RFC 6381 string ("avc1.64001f").
        frame_rate: frames a second as measured; as the playlist says without PyAV.
        declared_rate: as the playlist says, 0.0 when it does not.
        bit_rate, peak: bits a second, on average and in the worst second; 0 when not measured.
        key_intervals: seconds from key frame to key frame.
        since_key: seconds since the last key frame, when we stopped to look.
        reordered: whether there are B-frames.
    """

    codec: str
    width: int
    height: int
    frame_rate: float
    declared_rate: float
    bit_rate: int
    peak: int
    key_intervals: tuple[float, ...]
    since_key: float
    reordered: bool = False


@dataclass(frozen=True, slots=True)
class Audio:
    """The sound. `peak_db`: the loudest sample in dB below full scale, None when not measured."""

    codec: str
    sample_rate: int = 0
    channels: int = 0
    bit_rate: int = 0
    peak_db: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A look.

    Fields:
        seconds: of the stream that were looked at, with what was in the playlist before.
        video, audio: None when there is none.
        parts: those that came while we looked, in order.
        part_target: longest duration that a part may have.
        jumps: places where the time stamps jump, or the playlist says so.
        ended: the broadcast ended while we looked.
        decoded: whether PyAV was there to look into the parts.
        latency_ms: what players keep in reserve, by the egress's word.
        others: the other qualities.
    """

    seconds: float
    video: Video | None
    audio: Audio | None
    parts: tuple[PartSeen, ...]
    part_target: float
    jumps: int
    ended: bool
    decoded: bool
    latency_ms: int = 0
    others: tuple[Other, ...] = ()
