"""Levels and codec strings, against what the tables of the standards and the encoders say."""

from __future__ import annotations

import pytest

from metropole_media.codecs import levels


@pytest.mark.parametrize(
    ("width", "height", "rate", "bitrate", "level", "codec"),
    [
        (176, 144, 15, 64_000, "1", "avc1.64000a"),
        (640, 360, 30, 700_000, "3", "avc1.64001e"),
        (854, 480, 25, 1_200_000, "3", "avc1.64001e"),
        (854, 480, 30, 1_200_000, "3.1", "avc1.64001f"),
        (1280, 720, 30, 2_500_000, "3.1", "avc1.64001f"),
        (1280, 720, 60, 3_500_000, "3.2", "avc1.640020"),
        (1920, 1080, 30, 4_500_000, "4", "avc1.640028"),
        (1920, 1080, 30, 26_000_000, "4.1", "avc1.640029"),
        (1920, 1080, 60, 6_000_000, "4.2", "avc1.64002a"),
        (1080, 1920, 60, 6_000_000, "4.2", "avc1.64002a"),
        (2560, 1440, 60, 9_000_000, "5.1", "avc1.640033"),
        (3840, 2160, 30, 16_000_000, "5.1", "avc1.640033"),
        (3840, 2160, 60, 20_000_000, "5.2", "avc1.640034"),
        (7680, 4320, 30, 40_000_000, "6", "avc1.64003c"),
        (7680, 4320, 60, 60_000_000, "6.1", "avc1.64003d"),
    ],
)
def test_avc(width: int, height: int, rate: float, bitrate: int, level: str, codec: str) -> None:
    found = levels.avc_level(width, height, rate, bitrate)
    assert found.name == level
    assert levels.avc_codec(found) == codec


@pytest.mark.parametrize(
    ("width", "height", "rate", "bitrate", "codec"),
    [
        (854, 480, 30, 800_000, "hvc1.1.6.L90.90"),
        (1280, 720, 30, 2_000_000, "hvc1.1.6.L93.90"),
        (1920, 1080, 30, 4_000_000, "hvc1.1.6.L120.90"),
        (1920, 1080, 60, 6_000_000, "hvc1.1.6.L123.90"),
        (1920, 1080, 60, 30_000_000, "hvc1.1.6.H123.90"),
        (3840, 2160, 60, 20_000_000, "hvc1.1.6.L153.90"),
        (7680, 4320, 30, 40_000_000, "hvc1.1.6.L180.90"),
        (7680, 4320, 60, 80_000_000, "hvc1.1.6.L183.90"),
    ],
)
def test_hevc(width: int, height: int, rate: float, bitrate: int, codec: str) -> None:
    assert levels.hevc_codec(levels.hevc_level(width, height, rate, bitrate)) == codec


def test_other_profiles() -> None:
    level = levels.avc_level(1280, 720, 30, 2_500_000)
    assert levels.avc_codec(level, levels.CONSTRAINED_BASELINE) == "avc1.42c01f"
    high = levels.hevc_level(1920, 1080, 60, 6_000_000)
    assert levels.hevc_codec(high, ten_bit=True, constraints="B0") == "hvc1.2.4.L123.B0"


def test_what_no_level_holds() -> None:
    for find in (levels.avc_level, levels.hevc_level):
        with pytest.raises(ValueError, match="no level"):
            find(16384, 16384, 60, 1_000_000)
        with pytest.raises(ValueError, match="no level"):
            find(7680, 4320, 300, 1_000_000)
