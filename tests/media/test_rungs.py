"""What a rung becomes of a source."""

from __future__ import annotations

import pytest

from metropole_media import rungs


@pytest.mark.parametrize(
    ("source", "short", "made"),
    [
        ((1920, 1080), 720, (1280, 720)),
        ((1920, 1080), 480, (854, 480)),
        ((1080, 1920), 480, (480, 854)),
        ((1440, 1080), 720, (960, 720)),
        ((2560, 1080), 720, (1706, 720)),
        ((1918, 1078), 360, (640, 360)),
        ((640, 360), 720, (640, 360)),
        ((101, 77), 77, (100, 76)),
    ],
)
def test_size(source: tuple[int, int], short: int, made: tuple[int, int]) -> None:
    assert rungs.size(*source, short) == made


@pytest.mark.parametrize(
    ("source", "most", "made"),
    [
        (60.0, 60.0, 60.0),
        (60.0, 30.0, 30.0),
        (59.94, 30.0, 29.97),
        (50.0, 30.0, 25.0),
        (30.3, 30.0, 30.3),
        (144.0, 60.0, 48.0),
        (24.0, 30.0, 24.0),
        (0.0, 60.0, 30.0),
        (0.0, 15.0, 15.0),
    ],
)
def test_frame_rate(source: float, most: float, made: float) -> None:
    assert rungs.frame_rate(source, most) == pytest.approx(made)


def test_bitrate_follows_frames_pixels_and_codec() -> None:
    assert rungs.bitrate(2_500_000, 1280, 720, 30) == 2_500_000
    assert rungs.bitrate(2_500_000, 720, 1280, 30) == 2_500_000
    assert rungs.bitrate(2_500_000, 1280, 720, 60) == 3_540_000
    assert rungs.bitrate(2_500_000, 960, 720, 30) == 1_880_000
    assert rungs.bitrate(2_500_000, 1280, 720, 30, "hvc1") == 1_620_000
    assert rungs.bitrate(1, 64, 36, 30) == 50_000


def test_a_whole_rung() -> None:
    made = rungs.plan("720p", (1920, 1080, 60.0), (720, 30.0, 2_500_000))
    assert (made.name, made.width, made.height) == ("720p", 1280, 720)
    assert (made.frame_rate, made.bitrate, made.codec) == (30.0, 2_500_000, "avc1.64001f")
    assert rungs.pixels_per_second(made) == 1280 * 720 * 30
    hevc = rungs.plan("2160p", (7680, 4320, 60.0), (2160, 60.0, 14_000_000), "hvc1")
    assert hevc.codec == "hvc1.1.6.L153.90"
    with pytest.raises(ValueError, match="av01"):
        rungs.plan("720p", (1920, 1080, 60.0), (720, 30.0, 2_500_000), "av01")
