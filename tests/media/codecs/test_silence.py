"""Silence that a decoder takes for silence."""

from __future__ import annotations

from dataclasses import replace

import av
import pytest

from metropole_media.codecs.opus import opus_duration, to_dops
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


OPUS = {
    1: "OpusHead 01 01 3801 80bb0000 0000 00",
    2: "OpusHead 01 02 3801 80bb0000 0000 00",
    3: "OpusHead 01 03 3801 80bb0000 0000 01 02 01 000201",
    6: "OpusHead 01 06 3801 80bb0000 0000 01 04 02 000401020305",
    8: "OpusHead 01 08 3801 80bb0000 0000 01 05 03 0006010203040507",
}


@pytest.mark.parametrize("channels", OPUS)
def test_silence_of_opus_is_silent_and_lasts_20_ms(channels: int) -> None:
    head = b"OpusHead" + bytes.fromhex(OPUS[channels].removeprefix("OpusHead"))
    track = replace(AUDIO, fourcc="Opus", codec="opus", config=head, channels=channels)
    data = silent_packet(track)
    assert data == silent_packet(replace(track, config=to_dops(head)))
    assert opus_duration(data) == 960
    decoder = av.CodecContext.create("libopus", "r")
    decoder.extradata = head
    frames = [frame for _ in range(4) for frame in decoder.decode(av.Packet(data))]
    assert [frame.samples for frame in frames[1:]] == [960] * 3
    for frame in frames:
        assert len(frame.layout.channels) == channels
        assert not any(any(bytes(plane)) for plane in frame.planes)


@pytest.mark.parametrize(
    ("fourcc", "codec", "channels"),
    [("mp4a", "mp4a.40.2", 6), ("mp4a", "mp4a.40.5", 2), ("Opus", "opus", 2), ("xyz1", "xyz1", 2)],
)
def test_of_others_there_is_none(fourcc: str, codec: str, channels: int) -> None:
    """`ASC` is no configuration of Opus."""
    track = replace(AUDIO, fourcc=fourcc, codec=codec, channels=channels)
    assert silent_packet(track) == b""
