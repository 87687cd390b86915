"""Silence that a decoder takes for silence."""

from __future__ import annotations

from dataclasses import replace

import av
import pytest

from metropole_media.codecs.silence import silent_packet
from tests.support.packaging import AUDIO

RATES = {48_000: 3, 44_100: 4, 32_000: 5, 24_000: 6}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_silent(rate: int, channels: int) -> None:
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = (2 << 11 | RATES[rate] << 7 | channels << 3).to_bytes(2, "big")
    data = silent_packet(replace(AUDIO, channels=channels, sample_rate=rate))
    frames = [frame for _ in range(4) for frame in decoder.decode(av.Packet(data))]
    assert len(frames) >= 3
    for frame in frames:
        assert (frame.sample_rate, frame.samples) == (rate, 1024)
        assert len(frame.layout.channels) == channels
        assert not any(any(bytes(plane)) for plane in frame.planes)


@pytest.mark.parametrize(("codec", "channels"), [("mp4a.40.2", 6), ("mp4a.40.5", 2), ("opus", 2)])
def test_of_others_there_is_none(codec: str, channels: int) -> None:
    assert silent_packet(replace(AUDIO, codec=codec, channels=channels)) == b""
