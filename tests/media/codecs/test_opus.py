"""Both forms of an Opus configuration, and packets of every length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.errors import BadRecord, CodecError, UnsupportedProfile
from metropole_media.codecs.model import AudioConfig
from metropole_media.codecs.opus import opus_duration, parse_opus, streams, to_dops, to_head
from tests.support.clips import clip

STEREO = b"OpusHead" + bytes.fromhex("01 02 3801 80bb0000 f6ff 00")
SURROUND = b"OpusHead" + bytes.fromhex("01 06 3801 80bb0000 0000 01 04 02 000401020305")
FIELDS = bytes.fromhex("02 0138 0000bb80 fff6 00")


def test_the_forms_say_the_same() -> None:
    assert to_dops(STEREO) == b"\0" + FIELDS
    assert to_dops(b"\0" + FIELDS) == b"\0" + FIELDS
    assert to_head(b"\0" + FIELDS) == to_head(STEREO) == STEREO
    box = to_dops(SURROUND)
    assert box == bytes.fromhex("00 06 0138 0000bb80 0000 01 04 02 000401020305")
    assert to_head(box) == SURROUND
    # Octets behind it are of no use.
    assert to_head(STEREO + b"more") == STEREO


@pytest.mark.parametrize(
    ("config", "channels", "parts"),
    [
        (STEREO, 2, (1, 1)),
        (STEREO.replace(b"\x01\x02\x38", b"\x01\x01\x38"), 1, (1, 0)),
        (SURROUND, 6, (4, 2)),
        (to_dops(SURROUND), 6, (4, 2)),
        (SURROUND[:-1] + b"\xff", 6, (4, 2)),
    ],
)
def test_what_a_configuration_says(config: bytes, channels: int, parts: tuple[int, int]) -> None:
    assert parse_opus(config) == AudioConfig("opus", 48_000, channels, 0)
    assert streams(config) == parts


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        (b"", BadRecord, "cut off"),
        (STEREO[:-1], BadRecord, "cut off"),
        (SURROUND[:-1], BadRecord, "cut off"),
        (b"\1" + FIELDS, BadRecord, "version 1"),
        (STEREO.replace(b"d\1", b"d\x21"), BadRecord, "version 33"),
        (b"\0\3" + FIELDS[1:], BadRecord, "number of channels"),
        (b"\0\0" + FIELDS[1:], BadRecord, "number of channels"),
        (b"\0\x09" + FIELDS[1:-1] + b"\1" + bytes(20), BadRecord, "number of channels"),
        (b"\0" + FIELDS[:-1] + b"\xff\2\0\0\1", UnsupportedProfile, "stereo"),
        (SURROUND.replace(b"\4\2\0", b"\0\0\0"), BadRecord, "mapping"),
        (SURROUND.replace(b"\4\2\0", b"\4\5\0"), BadRecord, "mapping"),
        (SURROUND[:-1] + b"\6", BadRecord, "mapping"),
    ],
)
def test_what_is_wrong_is_said(config: bytes, kind: type[CodecError], words: str) -> None:
    with pytest.raises(kind, match=words):
        parse_opus(config)


MS = {
    **{n: (10, 20, 40, 60)[n % 4] for n in range(12)},
    **{n: (10, 20)[n % 2] for n in range(12, 16)},
    **{n: (2.5, 5, 10, 20)[n % 4] for n in range(16, 32)},
}


@pytest.mark.parametrize("config", MS)
def test_a_packet_says_how_long_it_lasts(config: int) -> None:
    frame = MS[config] * 48
    for stereo in (0, 4):
        toc = config << 3 | stereo
        assert opus_duration(bytes((toc, 9))) == frame
        assert opus_duration(bytearray((toc | 1, 9))) == 2 * frame
        assert opus_duration(bytes((toc | 2, 9))) == 2 * frame
        for count in (1, 3, 48):
            expected = count * frame if count * MS[config] <= 120 else 0
            assert opus_duration(memoryview(bytes((toc | 3, 0xC0 | count, 9)))) == expected


def test_a_packet_that_cannot_be_read_lasts_no_time() -> None:
    assert opus_duration(b"") == 0
    assert opus_duration(b"\xff") == 0
    assert opus_duration(b"\xff\0") == 0


@pytest.mark.parametrize(
    ("kind", "samples"), [("opus", 960), ("opus2.5", 120), ("opus60", 2880), ("opus-5.1", 960)]
)
def test_packets_of_a_real_encoder(kind: str, samples: int) -> None:
    packets = clip("", kind, 0.4).packets
    assert {opus_duration(packet.data) for packet in packets} == {samples}


@given(st.binary(max_size=30) | st.binary(max_size=25).map(lambda tail: b"OpusHead\1" + tail))
def test_no_octets_do_more_than_be_refused(config: bytes) -> None:
    assert 0 <= opus_duration(config) <= 5760
    try:
        parsed = parse_opus(config)
    except CodecError:
        return
    assert 1 <= parsed.channels <= 8
    assert to_dops(to_head(config)) == to_dops(config)
