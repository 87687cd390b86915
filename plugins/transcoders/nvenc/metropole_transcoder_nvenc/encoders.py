"""The encoders and decoders of NVIDIA cards, set up for live: key frames only where they are asked
for, no reordered frames, nothing held back. Data: nothing here runs anything."""

from __future__ import annotations

from metropole_media.transcode.encoders import (
    SOFTWARE_DECODERS,
    VideoDecoder,
    VideoEncoder,
    avc_profile,
)
from metropole_transcoder_nvenc.settings import NvencSettings

FOURCCS = {"h264": "avc1", "hevc": "hvc1", "av1": "av01"}
CODECS = {"avc1": "h264_nvenc", "hvc1": "hevc_nvenc", "av01": "av1_nvenc"}
ENDLESS = 100_000
"""Frames between key frames that nobody asked for."""
ON_CARD = {"avc1": "h264", "hvc1": "hevc", "vp09": "vp9"}
"""Decoders that use the card, and the processor for what the card cannot. FFmpeg's AV1 decoder
cannot do without a card that decodes it, so dav1d does that."""


def make_encoder(fourcc: str, settings: NvencSettings, planned: str = "") -> VideoEncoder:
    """The encoder for a sample entry.

    Arguments:
        planned: RFC 6381 string that a rendition was announced with.

    Raises:
        KeyError: there is none.
    """
    options = (
        ("preset", settings.preset),
        ("tune", settings.tune),
        ("rc", "cbr"),
        ("zerolatency", "1"),
        ("delay", "0"),
        ("rc-lookahead", "0"),
        ("forced-idr", "1"),
        ("no-scenecut", "1"),
        ("b_ref_mode", "disabled"),
        ("gpu", str(settings.gpu)),
    )
    return VideoEncoder(
        CODECS[fourcc],
        fourcc,
        "nv12",
        (*options, *(_hevc(planned) if fourcc == "hvc1" else avc_profile(planned))),
        gop=ENDLESS,
    )


def decoders(settings: NvencSettings) -> tuple[VideoDecoder, ...]:
    """One for each kind of source."""
    if not settings.decode:
        return SOFTWARE_DECODERS
    return tuple(
        VideoDecoder(each.fourcc, ON_CARD[each.fourcc], hwaccel="cuda", device=str(settings.gpu))
        if each.fourcc in ON_CARD
        else each
        for each in SOFTWARE_DECODERS
    )


def _hevc(planned: str) -> tuple[tuple[str, str], ...]:
    """Options that make what a string says ("hvc1.1.6.L150.90": Main, 5.0, main tier)."""
    parts = planned.split(".")
    if len(parts) < 4 or parts[0] != "hvc1" or not parts[3][1:].isdigit():
        return ()
    tens = round(int(parts[3][1:]) / 3)
    return (
        ("profile", "main"),
        ("level", f"{tens // 10}.{tens % 10}"),
        ("tier", "high" if parts[3].startswith("H") else "main"),
    )
