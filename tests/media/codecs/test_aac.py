from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.aac import parse_asc
from metropole_media.codecs.errors import BadRecord, CodecError, UnsupportedProfile
from metropole_media.codecs.model import AudioConfig


def packed(bits: str) -> bytes:
    size = -(-len(bits) // 8)
    return int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (bytes.fromhex("119056e500"), AudioConfig("mp4a.40.2", 48000, 2, 1024)),
        (bytes.fromhex("120856e500"), AudioConfig("mp4a.40.2", 44100, 1, 1024)),
        (bytes.fromhex("11b056e500"), AudioConfig("mp4a.40.2", 48000, 6, 1024)),
        (packed(f"000101111{12345:024b}0010000"), AudioConfig("mp4a.40.2", 12345, 2, 1024)),
        (packed("0001000110010100"), AudioConfig("mp4a.40.2", 48000, 2, 960)),
        (packed("0010101100010001100010000"), AudioConfig("mp4a.40.5", 48000, 2, 2048)),
        (packed("1110101100001001100010000"), AudioConfig("mp4a.40.29", 48000, 2, 2048)),
    ],
)
def test_what_a_configuration_says(config: bytes, expected: AudioConfig) -> None:
    assert parse_asc(config) == expected


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        (b"", BadRecord, "cut off"),
        (b"\x11", BadRecord, "cut off"),
        (packed("00010" "1101" "0010" "000"), BadRecord, "sampling rate"),
        (packed("00010" "1111" f"{1:024b}" "0010" "000"), BadRecord, "out of range"),
        (packed("00101" "0011" "0010" "0100" "00010" "000"), BadRecord, "fit together"),
        (packed("00001" "0011" "0010" "000"), UnsupportedProfile, "type 1: set"),
        (packed("11111" "001010" "0011" "0010" "000"), UnsupportedProfile, "type 42"),
        (packed("00010" "0011" "0000" "000"), UnsupportedProfile, "stereo"),
        (bytes(2000), BadRecord, "too long"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(config: bytes, kind: type[CodecError], words: str) -> None:
    with pytest.raises(kind, match=words):
        parse_asc(config)


@given(st.binary(max_size=20))
def test_no_octets_do_more_than_be_refused(config: bytes) -> None:
    try:
        parsed = parse_asc(config)
    except CodecError:
        return
    assert 7350 <= parsed.sample_rate <= 96000
    assert 1 <= parsed.channels <= 8
