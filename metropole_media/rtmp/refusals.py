"""What encoders send and this server does not take, in sentences for the person at the encoder."""

from __future__ import annotations

from collections.abc import Iterable

from metropole_media.codecs.table import AUDIO_CODECS, VIDEO_CODECS
from metropole_media.rtmp.errors import UnsupportedCodec

OTHER_VIDEO = {
    1: "JPEG", 2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha",
    6: "Screen video 2", 8: "H.263", 9: "MPEG-4 part 2",
}  # fmt: skip
OTHER_AUDIO = {
    0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
    7: "G.711 A-law", 8: "G.711 mu-law", 11: "Speex", 14: "MP3 at 8 kHz",
}  # fmt: skip
"""Codec numbers of FLV."""
FOURCC = {
    "hvc1": "HEVC (H.265)", "av01": "AV1", "vp08": "VP8", "vp09": "VP9", "vvc1": "VVC (H.266)",
    "Opus": "Opus", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC", ".mp3": "MP3",
}  # fmt: skip


def video(name: str) -> UnsupportedCodec:
    """Of a video codec, by name or FourCC."""
    return UnsupportedCodec(
        f"The video is {FOURCC.get(name, name)}, which this server does not take: choose a video "
        f"encoder for {_any_of(codec.title for codec in VIDEO_CODECS.values())} "
        "in OBS > Settings > Output."
    )


def audio(name: str) -> UnsupportedCodec:
    """Of an audio codec, by name or FourCC."""
    return UnsupportedCodec(
        f"The audio is {FOURCC.get(name, name)}, which this server does not take: choose an audio "
        f"encoder for {_any_of(codec.title for codec in AUDIO_CODECS.values())} "
        "in OBS > Settings > Output."
    )


def many_videos(most: int) -> UnsupportedCodec:
    """Of more video tracks than are taken."""
    return UnsupportedCodec(
        f"The encoder sends more than {most} video tracks, which is more than this server takes: "
        "set Maximum Video Tracks in OBS > Settings > Stream to less."
    )


def many_audios(most: int) -> UnsupportedCodec:
    """Of more audio tracks than are taken."""
    return UnsupportedCodec(
        f"The encoder sends more than {most} audio tracks, which is more than this server takes: "
        "choose fewer in its settings."
    )


def _any_of(titles: Iterable[str]) -> str:
    names = list(titles)
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
