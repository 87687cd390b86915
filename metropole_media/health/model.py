"""What is known of a stream's health. All times are seconds, all rates bit/s or frames/s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType


class Severity(IntEnum):
    """How much viewers suffer. The worst of all findings is the stream's light."""

    HINT = 0
    """Nobody suffers; something could be better."""
    WARNING = 1
    """Viewers notice."""
    BAD = 2
    """Viewers cannot watch, or not for long."""


class Code(str, Enum):
    """Every finding of the meter. `docs/how-to/stream-health.md` says what to do about each.

    Those that a packager tells too (`metropole_media.packaged.Health`) have the same word here.
    """

    LONG_GOP = "long_gop"
    """Key frames are more than 3 s apart. `seconds`: how far."""
    NO_KEY_FRAME = "no_key_frame"
    """10 s of frames, and decoding can begin with none of them."""
    FRAMES_DROPPED = "frames_dropped"
    """Frames are missing between others. `share`: 0 to 1 of those of the last 10 s."""
    LOW_FRAME_RATE = "low_frame_rate"
    """Far fewer frames than the encoder says. `fps`, `nominal`."""
    VARIABLE_FRAME_RATE = "variable_frame_rate"
    """Frames lie at uneven distances."""
    VIDEO_STALLED = "video_stalled"
    """Sound goes on, the picture does not. `seconds`: for how long."""
    AUDIO_STALLED = "audio_stalled"
    """The picture goes on, the sound does not. `seconds`: for how long."""
    NO_VIDEO = "no_video"
    """There is no picture at all."""
    NO_AUDIO = "no_audio"
    """There is no sound at all."""
    SILENT = "silent"
    """The sound is nothing but silence. `seconds`: for how long."""
    AV_OFFSET = "av_offset"
    """Sound and picture arrive far apart. `seconds`: how far the sound is behind."""
    SLOW_UPLOAD = "slow_upload"
    """What arrives is ever later than its time stamps say. `seconds`: how late."""
    UNEVEN_UPLOAD = "uneven_upload"
    """It arrives in bursts. `seconds`: the longest pause of the last 10 s."""
    CLOCK_DRIFT = "clock_drift"
    """The encoder's clock runs at another speed. `ppm`: how much faster."""
    UNPLAYABLE_PROFILE = "unplayable_profile"
    """H.264 in a profile that browsers do not play (10 bits, 4:2:2, 4:4:4)."""
    FEW_BROWSERS = "few_browsers"
    """A codec that many browsers do not play."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or could be better.

    Fields:
        code: a `Code`, or the word of whoever else found it.
        values: what its sentence tells, by name.
    """

    code: str
    severity: Severity
    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class VideoReport:
    """A video track.

    Fields:
        track, fourcc, codec, width, height, bit_depth: as in `Track`.
        said_fps: frames a second as the encoder says it, 0.0 when it does not.
        nominal_fps: frames a second by the distances of time stamps, 0.0 while it is not known.
        fps: frames that arrived a second, mean of 10 s.
        bitrate, bitrate_mean: over 1 s and 10 s.
        key_interval: the longest of the last key-frame intervals and the one that runs; None
            before there were two key frames or 3 s.
        keys: key frames since the publisher came.
        frames, dropped: since the broadcast began; `dropped` are holes of whole frames.
        missing: share of frames that were dropped in the last 10 s, 0 to 1.
        variable: whether frames lie at uneven distances.
        reordered: whether there are B-frames.
        quiet: seconds since the last frame.
    """

    track: int
    fourcc: str
    codec: str
    width: int
    height: int
    bit_depth: int
    said_fps: float
    nominal_fps: float
    fps: float
    bitrate: float
    bitrate_mean: float
    key_interval: float | None
    keys: int
    frames: int
    dropped: int
    missing: float
    variable: bool
    reordered: bool
    quiet: float


@dataclass(frozen=True, slots=True)
class AudioReport:
    """An audio track.

    Fields:
        track, fourcc, codec, sample_rate, channels: as in `Track`.
        bitrate, bitrate_mean: over 1 s and 10 s.
        packets: since the broadcast began.
        silent: seconds for which every packet that was looked at was silence; None where that
            cannot be told from the packets of this codec.
        quiet: seconds since the last packet.
    """

    track: int
    fourcc: str
    codec: str
    sample_rate: int
    channels: int
    bitrate: float
    bitrate_mean: float
    packets: int
    silent: float | None
    quiet: float


@dataclass(frozen=True, slots=True)
class Report:
    """A stream at one moment.

    Fields:
        seconds: since its publisher came.
        publishing: whether it is there.
        bitrate, bitrate_mean: of all tracks, over 1 s and 10 s.
        video, audio: its tracks, by id.
        late: how much later packets arrive than the quickest of the last minute.
        pause: how long nothing arrived, at most, in the last 10 s.
        pauses: how often in that time so long that players may stop.
        av_offset: how far the newest sound lies behind the newest picture; None without both.
        drift_ppm: how much faster the encoder's clock runs, in millionths; None for a minute.
        findings: the worst first.
    """

    seconds: float
    publishing: bool
    bitrate: float
    bitrate_mean: float
    video: tuple[VideoReport, ...] = ()
    audio: tuple[AudioReport, ...] = ()
    late: float = 0.0
    pause: float = 0.0
    pauses: int = 0
    av_offset: float | None = None
    drift_ppm: float | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity:
        """Of all findings; a hint where there is none."""
        return max((each.severity for each in self.findings), default=Severity.HINT)
