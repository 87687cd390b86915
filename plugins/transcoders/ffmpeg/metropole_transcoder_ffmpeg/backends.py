"""The kinds of hardware that ffmpeg encodes with, as data: nothing here runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from metropole_media.transcode.encoders import VideoEncoder

DEVICE = "gpu"
"""Name of the device inside a command."""
SOFTWARE_DECODERS = {"avc1": "h264", "hvc1": "hevc", "av01": "libdav1d", "vp09": "vp9"}


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of hardware.

    Fields:
        name: as in the settings.
        title: for people.
        setup: arguments that open the device; {device} is its path.
        decode: arguments in front of the input that make it decode there.
        decoders: by sample entry, ffmpeg's name of a decoder that must be asked for outright.
            Without one ffmpeg chooses, and `decode` applies to what it has chosen.
        upload: filters that bring a picture to the device, whether it lies there or not.
        scale: filter that makes a picture smaller; {width}, {height}.
        encoders: by sample entry.
        hardware: whether it spares the processor.
        levels: how the encoder takes a level: "name" (3.1) or "tens" (31).
    """

    name: str
    title: str
    setup: tuple[str, ...]
    decode: tuple[str, ...]
    decoders: Mapping[str, str]
    upload: str
    scale: str
    encoders: Mapping[str, VideoEncoder]
    hardware: bool
    levels: str = "name"


VAAPI = Backend(
    "vaapi",
    "VAAPI",
    setup=("-init_hw_device", f"vaapi={DEVICE}:{{device}}", "-filter_hw_device", DEVICE),
    decode=(
        "-hwaccel", "vaapi", "-hwaccel_device", DEVICE, "-hwaccel_output_format", "vaapi",
        # Pictures that the encoders have not given back yet.
        "-extra_hw_frames", "8",
    ),
    decoders={},
    # A source that the card cannot decode is decoded in software, and its pictures uploaded.
    upload="format=nv12|vaapi,hwupload",
    scale="scale_vaapi=w={width}:h={height}:format=nv12",
    encoders={
        "avc1": VideoEncoder(
            "h264_vaapi", "avc1", "vaapi", (("rc_mode", "CBR"), ("async_depth", "1"))
        ),
        "hvc1": VideoEncoder(
            "hevc_vaapi", "hvc1", "vaapi", (("rc_mode", "CBR"), ("async_depth", "1"))
        ),
    },
    hardware=True,
)  # fmt: skip

QSV = Backend(
    "qsv",
    "Quick Sync",
    setup=(
        "-init_hw_device", f"qsv={DEVICE}:hw_any,child_device={{device}}",
        "-filter_hw_device", DEVICE,
    ),
    decode=(
        "-hwaccel", "qsv", "-hwaccel_device", DEVICE, "-hwaccel_output_format", "qsv",
        "-extra_hw_frames", "8", "-async_depth", "1",
    ),
    decoders={"avc1": "h264_qsv", "hvc1": "hevc_qsv"},
    upload="format=nv12|qsv,hwupload=extra_hw_frames=16",
    scale="scale_qsv=w={width}:h={height}:format=nv12",
    encoders={
        "avc1": VideoEncoder(
            "h264_qsv", "avc1", "qsv",
            (("preset", "faster"), ("async_depth", "1"), ("forced_idr", "1"), ("look_ahead", "0"),
             ("adaptive_i", "0"), ("adaptive_b", "0")),
        ),
        "hvc1": VideoEncoder(
            "hevc_qsv", "hvc1", "qsv",
            (("preset", "faster"), ("async_depth", "1"), ("forced_idr", "1")),
        ),
    },
    hardware=True,
    levels="tens",
)  # fmt: skip

SOFTWARE = Backend(
    "software",
    "x264",
    setup=(),
    decode=(),
    decoders={},
    upload="",
    scale="scale={width}:{height}:flags=bicubic,format=yuv420p",
    encoders={
        "avc1": VideoEncoder(
            "libx264", "avc1", "yuv420p",
            (("preset", "veryfast"), ("tune", "zerolatency"), ("forced-idr", "1"),
             ("sc_threshold", "0")),
        ),
        "hvc1": VideoEncoder(
            "libx265", "hvc1", "yuv420p",
            (("preset", "veryfast"), ("tune", "zerolatency"), ("forced-idr", "1"),
             ("x265-params", "scenecut=0:repeat-headers=0:log-level=error")),
        ),
    },
    hardware=False,
)  # fmt: skip

BACKENDS = {backend.name: backend for backend in (VAAPI, QSV, SOFTWARE)}
CODECS = {"h264": "avc1", "hevc": "hvc1"}


def encoder_for(
    backend: Backend, codec: str, preset: str = "veryfast", threads: int = 1
) -> VideoEncoder | None:
    """The encoder that makes what an RFC 6381 string says ("avc1.64001f", "hvc1.1.6.L93.90"), its
    profile and level among the options; None if this backend has none.

    Arguments:
        preset, threads: of software encoders.
    """
    fourcc, _, rest = codec.partition(".")
    encoder = backend.encoders.get(fourcc)
    if encoder is None:
        return None
    if not backend.hardware:
        chosen = tuple((name, preset if name == "preset" else x) for name, x in encoder.options)
        if encoder.codec == "libx264" and preset == "ultrafast":
            # It leaves these out, and would make another profile than announced.
            chosen = (*chosen, ("x264-params", "8x8dct=1:cabac=1"))
        encoder = replace(encoder, options=chosen, threads=threads)
    said = _avc(rest) if fourcc == "avc1" else _hevc(rest)
    if said is None:
        return encoder
    profile, tens, tier = said
    level = str(tens) if backend.levels == "tens" else f"{tens // 10}.{tens % 10}"
    if encoder.codec == "libx265":
        options = tuple(
            (name, f"{value}:level-idc={tens}:high-tier={int(tier == 'high')}")
            if name == "x265-params"
            else (name, value)
            for name, value in encoder.options
        )
        return replace(encoder, options=(*options, ("profile:v", profile)))
    options = (*encoder.options, ("profile:v", profile), ("level", level))
    if fourcc == "hvc1":
        options = (*options, ("tier", tier))
    return replace(encoder, options=options)


def _avc(rest: str) -> tuple[str, int, str] | None:
    """Profile, level in tenths, tier; None for another string."""
    names = {"42": "constrained_baseline", "4d": "main", "64": "high"}
    try:
        profile, level = names[rest[:2].lower()], int(rest[4:6], 16)
    except (KeyError, ValueError):
        return None
    return (profile, level, "main") if len(rest) == 6 else None


def _hevc(rest: str) -> tuple[str, int, str] | None:
    parts = rest.split(".")
    try:
        profile = {"1": "main", "2": "main10"}[parts[0]]
        tier, level = {"L": "main", "H": "high"}[parts[2][0]], int(parts[2][1:])
    except (KeyError, IndexError, ValueError):
        return None
    return profile, round(level / 3), tier
