"""The frame rate of a source that does not say it."""

from __future__ import annotations

import pytest

from metropole_core.transcoding.frame_rate import FrameRate
from metropole_media.live import Packet, Track


def track(rate: float = 0.0) -> Track:
    return Track(0, "video", "avc1", "avc1.64001f", 1000, b"", 1280, 720, frame_rate=rate)


def fed(learner: FrameRate, rate: float, seconds: float, jitter: int = 0) -> int:
    """Frames with whole milliseconds, as RTMP has them. Returns after how many it was known."""
    for number in range(round(rate * seconds)):
        dts = round(number * 1000 / rate) + (jitter if number % 3 == 1 else 0)
        if learner.packet(Packet(0, dts, dts, number == 0, b"x")):
            return number + 1
    return 0


@pytest.mark.parametrize("rate", [10, 15, 24, 25, 29.97, 30, 50, 59.94, 60, 120])
def test_usual_rates(rate: float) -> None:
    learner = FrameRate(track())
    assert fed(learner, rate, 2.0) > 0
    assert learner.value == pytest.approx(rate, rel=0.005)


def test_odd_rates_and_jitter() -> None:
    learner = FrameRate(track())
    fed(learner, 37.0, 1.0)
    assert learner.value == pytest.approx(37, rel=0.02)
    learner = FrameRate(track())
    fed(learner, 30.0, 1.0, jitter=5)
    assert learner.value == pytest.approx(30, rel=0.02)


def test_what_the_source_says_is_believed() -> None:
    assert FrameRate(track(50.0)).value == 50.0
    assert not FrameRate(track(100_000.0)).known


def test_too_little_says_nothing() -> None:
    learner = FrameRate(track())
    assert learner.guess() == 0.0
    assert fed(learner, 30, 0.2) == 0
    assert learner.guess() == 0.0  # 6 frames
    assert fed(learner, 30, 0.4) == 0
    still = FrameRate(track())
    for _ in range(20):
        still.packet(Packet(0, 7, 7, True, b"x"))
    assert still.guess() == 0.0
    sound = FrameRate(track())
    assert not sound.packet(Packet(100, 0, 0, True, b"x"))
