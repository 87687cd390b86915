"""What a worker is told to make and with which encoder: plain data that travels as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from metropole_media.ladder import RenditionPlan

AVC_PROFILES = {"42": "baseline", "4d": "main", "58": "extended", "64": "high"}
MAX_RUNGS = 16
WORKER = "metropole_media.transcode.worker"


@dataclass(frozen=True, slots=True)
class VideoEncoder:
    """An encoder and how it is set up.

    Bitrate, its buffer, size and frame rate come from the rendition; options hold the rest. The
    options must keep the encoder from key frames of its own, make it take those that it is told,
    and keep it from reordering frames.

    Fields:
        codec: FFmpeg's name ("libx264", "h264_nvenc").
        fourcc: sample entry of what comes out ("avc1", "hvc1", "av01").
        pixel_format: that it takes.
        options: of the encoder, (name, value).
        threads: that it may use.
        gop: of FFmpeg's option "g" where the encoder has no other way to say "endless".
        max_rate: most bits a second, as a multiple of the bitrate; 0.0 leaves that to the
            options (constant bitrate).
        buffer_seconds: of the bitrate that the decoder's buffer holds.
        scaling: FFmpeg's word for how pictures are made smaller ("BILINEAR", "BICUBIC").
    """

    codec: str
    fourcc: str
    pixel_format: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()
    threads: int = 1
    gop: int | None = None
    max_rate: float = 1.0
    buffer_seconds: float = 1.0
    scaling: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class VideoDecoder:
    """A decoder.

    Fields:
        fourcc: sample entry of what it takes.
        codec: FFmpeg's name ("h264", "h264_cuvid").
        options: of the decoder, (name, value).
        threads: that it may use; few are taken for small pictures.
        hwaccel: FFmpeg's word for a device ("cuda") that decodes; "" for none.
        device: which of those, where there are several.
    """

    fourcc: str
    codec: str
    options: tuple[tuple[str, str], ...] = ()
    threads: int = 1
    hwaccel: str = ""
    device: str = ""


SOFTWARE_DECODERS = (
    VideoDecoder("avc1", "h264"),
    VideoDecoder("hvc1", "hevc"),
    VideoDecoder("av01", "libdav1d"),
    VideoDecoder("vp09", "vp9"),
)
"""One thread each."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition that a worker makes; `RenditionPlan` with its encoder."""

    name: str
    width: int
    height: int
    frame_rate: float
    bitrate: int
    encoder: VideoEncoder


@dataclass(frozen=True, slots=True)
class JobSpec:
    """All that a worker is told once.

    Fields:
        rungs: at most 16, none of them sound alone.
        decoders: at most one for each kind of source.
        memory_octets: of RAM, when it takes more it ends.
        niceness: added to that of the site's process, 0 to 19.
        worker: module that is run, for back-ends that encode in another way.
        facts: what that needs to know beside, (name, value).
    """

    rungs: tuple[Rung, ...]
    decoders: tuple[VideoDecoder, ...] = SOFTWARE_DECODERS
    memory_octets: int = 2 << 30
    niceness: int = 10
    worker: str = WORKER
    facts: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> bytes:
        """For the wire."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(data: bytes) -> JobSpec:
        """From the wire.

        Raises:
            ValueError: not what `to_json` writes.
        """
        try:
            raw: dict[str, Any] = json.loads(data)
            rungs = tuple(
                Rung(**{**each, "encoder": encoder_from(each["encoder"])}) for each in raw["rungs"]
            )
            decoders = tuple(decoder_from(each) for each in raw["decoders"])
            return JobSpec(
                rungs,
                decoders,
                int(raw["memory_octets"]),
                int(raw["niceness"]),
                str(raw["worker"]),
                _pairs(raw["facts"]),
            )
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"no description of a job: {error}") from None


def make_rung(plan: RenditionPlan, encoder: VideoEncoder) -> Rung:
    """A planned rendition with its encoder."""
    return Rung(plan.name, plan.width, plan.height, plan.frame_rate, plan.bitrate, encoder)


def encoder_from(raw: dict[str, Any]) -> VideoEncoder:
    """`dataclasses.asdict` of an encoder that came as JSON.

    Raises:
        KeyError, TypeError: it is none.
    """
    return VideoEncoder(**{**raw, "options": _pairs(raw["options"])})


def decoder_from(raw: dict[str, Any]) -> VideoDecoder:
    """`dataclasses.asdict` of a decoder that came as JSON.

    Raises:
        KeyError, TypeError: it is none.
    """
    return VideoDecoder(**{**raw, "options": _pairs(raw["options"])})


def avc_profile(codec: str) -> tuple[tuple[str, str], ...]:
    """The options `profile` and `level` that make what an RFC 6381 string of H.264 says
    ("avc1.64001f": high, 3.1), as x264 and NVENC take them; none for another string."""
    _, _, rest = codec.partition("avc1.")
    profile = AVC_PROFILES.get(rest[:2].lower())
    if profile is None or len(rest) != 6:
        return ()
    level = int(rest[4:], 16)
    return (("profile", profile), ("level", f"{level // 10}.{level % 10}"))


def _pairs(raw: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in raw)
