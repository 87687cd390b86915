"""Silence is told from real encodes without decoding them, and rubbish is no silence."""

from __future__ import annotations

import array
import io
import math
import random
from collections.abc import Callable
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.silence import AAC_LC
from metropole_media.health.silence import can_tell, is_silent
from metropole_media.live import Track


def track(fourcc: str = "mp4a", codec: str = "mp4a.40.2", channels: int = 2) -> Track:
    return Track(100, "audio", fourcc, codec, 1000, b"", sample_rate=48_000, channels=channels)


def encode(codec: str, layout: str, wave: Callable[[int], float]) -> list[bytes]:
    with av.open(io.BytesIO(), "w", format="matroska") as out:
        stream: Any = out.add_stream(codec, rate=48_000, layout=layout)
        packets = []
        for number in range(30):
            frame = av.AudioFrame(format="fltp" if codec == "aac" else "flt", layout=layout,
                                  samples=1024)  # fmt: skip
            each = frame.planes[0].buffer_size // 4
            for plane in frame.planes:
                samples = (wave(number * 1024 + n) for n in range(each))
                plane.update(array.array("f", samples).tobytes())
            frame.sample_rate, frame.pts = 48_000, number * 1024
            packets += [bytes(packet) for packet in stream.encode(frame)]
    return packets[2:]


WAVES: dict[str, tuple[Callable[[int], float], bool]] = {
    "nothing": (lambda n: 0.0, True),
    "a tone": (lambda n: 0.3 * math.sin(n / 20), False),
    "a tone of -66 dB": (lambda n: 0.0005 * math.sin(n / 20), False),
    "noise of -70 dB": (lambda n: random.Random(n).uniform(-1, 1) * 0.0003, False),
}


@pytest.mark.parametrize("wave", WAVES)
@pytest.mark.parametrize(("codec", "layout"), [("aac", "stereo"), ("aac", "mono"),
                                               ("libopus", "stereo")])  # fmt: skip
def test_silence_is_told_from_sound(codec: str, layout: str, wave: str) -> None:
    samples, silent = WAVES[wave]
    channels = 2 if layout == "stereo" else 1
    kind = track(channels=channels) if codec == "aac" else track("Opus", "opus", channels)
    assert can_tell(kind)
    found = {is_silent(kind, packet) for packet in encode(codec, layout, samples)}
    assert found == {silent}


def test_our_own_silence_is_silence() -> None:
    assert all(is_silent(track(channels=channels), data) for channels, data in AAC_LC.items())


def test_of_other_codecs_nothing_is_said() -> None:
    assert not can_tell(track(codec="mp4a.40.5"))
    assert not can_tell(track(channels=6))


@given(st.binary(max_size=80))
def test_whatever_comes_is_answered(data: bytes) -> None:
    for kind in (track(), track(channels=1), track("Opus", "opus")):
        assert is_silent(kind, data) in (True, False)
