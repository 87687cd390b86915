"""The configuration that OBS gets: one encoder for each quality, best first.

Source: as `wish`. OBS makes exactly these; each becomes a rendition of the stream, and the server
encodes nothing. All key frames fall together because all encoders get the same interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

SCHEMA = "2025-01-25"
KEY_FRAMES = 2
"""Seconds between key frames."""
MAX_TRACKS = 6
"""OBS before 31.1 takes no more; newer ones take ten."""
USUAL_TRACKS = 4
AUDIO_KBIT = 160
LEAST_CORES = {2: 4, 3: 8}
"""Logical processors without which x264 is not asked for so many qualities."""
RUNGS = ((2160, 14_000), (1440, 7_000), (1080, 4_200), (720, 2_400), (480, 1_100), (360, 600))
"""Lines, and kbit/s of H.264 at up to 30 frames a second."""
FAST = 1.45
"""Times as much for up to 60 frames a second."""
FULL_RATE_LINES = 1080
"""Qualities of fewer lines get at most 30 frames a second, unless they are the best."""


class Rate(msgspec.Struct, frozen=True):
    """Frames a second.

    Fields:
        numerator: of the fraction.
        denominator: a whole multiple of that of OBS's own rate.
    """

    numerator: int
    denominator: int


class Encoder(msgspec.Struct, frozen=True):
    """One video track; its place in the list is its number.

    Fields:
        type: id of the encoder in OBS.
        width: pixels.
        height: pixels.
        framerate: a whole part of OBS's own.
        settings: of the encoder: bit rate in kbit/s, seconds between key frames, and its own.
        gpu_scale_type: how the picture is made smaller.
        colorspace: of the track.
        range: of the samples.
        format: of the samples.
    """

    type: str
    width: int
    height: int
    framerate: Rate
    settings: dict[str, Any]
    gpu_scale_type: str = "OBS_SCALE_BICUBIC"
    colorspace: str = "VIDEO_CS_709"
    range: str = "VIDEO_RANGE_PARTIAL"
    format: str = "VIDEO_FORMAT_NV12"


class Audio(msgspec.Struct, frozen=True):
    """One audio track.

    Fields:
        codec: "aac".
        track_id: of OBS's mixer.
        channels: how many.
        settings: bit rate in kbit/s.
    """

    codec: str
    track_id: int
    channels: int
    settings: dict[str, Any]


class AudioTracks(msgspec.Struct, frozen=True):
    """The sound.

    Fields:
        live: what viewers hear.
        vod: what is kept for later, for who switched that on; else null.
    """

    live: list[Audio]
    vod: list[Audio] | None = None


class Meta(msgspec.Struct, frozen=True):
    """Whose answer it is.

    Fields:
        service: name of the site.
        schema_version: of this answer's form.
        config_id: another one each time.
    """

    service: str
    schema_version: str
    config_id: str


class Status(msgspec.Struct, frozen=True):
    """How it went.

    Fields:
        result: "success"; "error" with nothing else in the answer when it was refused.
        html_en_us: a sentence that OBS shows.
    """

    result: str
    html_en_us: str | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """Where to send the stream.

    Fields:
        protocol: "RTMP" or "RTMPS".
        url_template: address; `{stream_key}` stands for the key.
    """

    protocol: str
    url_template: str


class Answer(msgspec.Struct, frozen=True):
    """What OBS reads. The stream key is not in it: OBS has it already.

    Fields:
        meta: whose answer it is.
        status: how it went.
        ingest_endpoints: where to send the stream.
        encoder_configurations: a video track each, best first.
        audio_configurations: the sound.
    """

    meta: Meta
    status: Status
    ingest_endpoints: list[Endpoint]
    encoder_configurations: list[Encoder]
    audio_configurations: AudioTracks


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """An encoder of OBS.

    Fields:
        type: its id in OBS.
        title: for people.
        settings: beside bit rate and key frames.
    """

    type: str
    title: str
    settings: dict[str, Any]


ENCODERS = {
    "nvenc": EncoderKind(
        "obs_nvenc_h264_tex",
        "NVIDIA NVENC",
        {"preset": "p5", "tune": "hq", "multipass": "qres", "profile": "high", "bf": 2,
         "lookahead": False, "psycho_aq": True},
    ),
    "amf": EncoderKind("h264_texture_amf", "AMD (AMF, Windows)", {"preset": "quality", "bf": 0}),
    "qsv": EncoderKind("obs_qsv11_v2", "Intel Quick Sync", {"target_usage": "TU4", "bframes": 2}),
    "vaapi": EncoderKind("ffmpeg_vaapi", "VAAPI (Linux)", {"profile": 100, "bf": 0}),
    "x264": EncoderKind(
        "obs_x264",
        "x264 (processor)",
        {"preset": "veryfast", "profile": "high", "bf": 2, "x264opts": "scenecut=0"},
    ),
}  # fmt: skip
"""By name. For x264 `scenecut=0` keeps key frames of all qualities together; the others never put
one of their own."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What OBS draws: pixels, and frames a second as a fraction."""

    width: int
    height: int
    numerator: int
    denominator: int

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may not be passed.

    Fields:
        tracks: qualities.
        kbit: kbit/s of all tracks together, 0 for no bound.
        height: pixels of the shorter side of the best one, 0 for no bound.
    """

    tracks: int = USUAL_TRACKS
    kbit: float = 0
    height: int = 0


def encoders(picture: Picture, kind: EncoderKind, bounds: Bounds) -> list[Encoder]:
    """The video tracks, best first: the picture itself, then smaller ones, spread evenly."""
    short = min(picture.width, picture.height)
    best = min(short, bounds.height or short)
    smaller = [lines for lines, _ in RUNGS if lines < best * 0.9]
    chosen = [best, *_spread(smaller, max(1, min(bounds.tracks, MAX_TRACKS)) - 1)]
    made = [(lines, _rate(picture, lines, best)) for lines in chosen]
    wished = [_kbit(lines, rate.numerator / rate.denominator) for lines, rate in made]
    spare = bounds.kbit - AUDIO_KBIT if bounds.kbit else 0
    share = min(1.0, spare / sum(wished)) if spare > 0 else 1.0
    return [
        Encoder(
            kind.type,
            _even(picture.width * lines / short),
            _even(picture.height * lines / short),
            rate,
            {"rate_control": "CBR", "bitrate": max(100, int(kbit * share)),
             "keyint_sec": KEY_FRAMES, **kind.settings},
        )
        for (lines, rate), kbit in zip(made, wished, strict=True)
    ]  # fmt: skip


def audio(channels: int, vod: bool) -> AudioTracks:
    """The sound; OBS insists on a second track when it records one for later."""

    def track(number: int) -> list[Audio]:
        return [Audio("aac", number, channels, {"bitrate": AUDIO_KBIT})]

    return AudioTracks(track(1), track(2) if vod else None)


def tracks_for(kind: str, wished: int | None, cores: int | None) -> int:
    """How many qualities a computer is asked for.

    Arguments:
        kind: name of the encoder.
        wished: at most, as OBS is set.
        cores: logical processors, None when unknown.
    """
    most = wished if wished is not None and wished > 0 else USUAL_TRACKS
    if kind == "x264":
        able = max((n for n, need in LEAST_CORES.items() if (cores or 0) >= need), default=1)
        most = min(most, able)
    return most


def _spread(rungs: list[int], count: int) -> list[int]:
    """So many of the rungs, evenly, the first and the last among them."""
    if count >= len(rungs):
        return rungs
    if count <= 1:
        return rungs[:count]
    step = (len(rungs) - 1) / (count - 1)
    return [rungs[round(index * step)] for index in range(count)]


def _rate(picture: Picture, lines: int, best: int) -> Rate:
    halve = picture.frame_rate > 31 and lines < FULL_RATE_LINES and lines != best
    return Rate(picture.numerator, picture.denominator * (2 if halve else 1))


def _kbit(lines: int, frame_rate: float) -> float:
    """Between the table's rows by the number of pixels."""
    below = [(each, kbit) for each, kbit in RUNGS if each <= lines] or [RUNGS[-1]]
    at, kbit = below[0]
    larger = float((lines / at) ** 1.5)
    return kbit * larger * (FAST if frame_rate > 31 else 1.0)


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
