"""The three encoders, set up for live: no key frames of their own, no reordered frames."""

from __future__ import annotations

from metropole_media.transcode.encoders import VideoEncoder, avc_profile
from metropole_transcoder_software.settings import Codec, Preset

FOURCCS: dict[Codec, str] = {"h264": "avc1", "hevc": "hvc1", "av1": "av01"}
X265 = "keyint=-1:scenecut=0:open-gop=0:bframes=0:log-level=none:frame-threads=1"
SVT = "pred-struct=1:rc=2:rtc=1:keyint=-1:scd=0"
"""Low delay (pred-struct=1) exists with constant bitrate (rc=2) only."""
SVT_PRESETS: dict[Preset, str] = {
    "ultrafast": "12",
    "superfast": "11",
    "veryfast": "10",
    "faster": "9",
    "fast": "8",
    "medium": "7",
}


def make_encoder(codec: Codec, preset: Preset, threads: int, planned: str = "") -> VideoEncoder:
    """An encoder.

    Arguments:
        planned: RFC 6381 string that a rendition was announced with; H.264 is made to match it.
    """
    match codec:
        case "h264":
            # ultrafast alone leaves these out, and would be another profile than announced.
            high = ":8x8dct=1:cabac=1" if preset == "ultrafast" else ""
            return VideoEncoder(
                "libx264",
                "avc1",
                options=(
                    ("preset", preset),
                    ("tune", "zerolatency"),
                    ("forced-idr", "1"),
                    ("sc_threshold", "0"),
                    ("x264-params", f"keyint=infinite{high}"),
                    *avc_profile(planned),
                ),
                threads=threads,
            )
        case "hevc":
            return VideoEncoder(
                "libx265",
                "hvc1",
                options=(
                    ("preset", preset),
                    ("tune", "zerolatency"),
                    ("forced-idr", "1"),
                    ("x265-params", f"{X265}:pools={threads}"),
                ),
                threads=threads,
            )
        case "av1":
            return VideoEncoder(
                "libsvtav1",
                "av01",
                options=(
                    ("preset", SVT_PRESETS[preset]),
                    ("svtav1-params", f"{SVT}:lp={threads}"),
                ),
                threads=threads,
                max_rate=0.0,
            )
