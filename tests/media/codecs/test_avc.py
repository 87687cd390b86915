"""Records of x264, as FFmpeg wrote them, and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.avc import (
    MAX_NAL_UNITS,
    MAX_SETS,
    parse_avcc,
    read_access_unit,
    with_sets,
)
from metropole_media.codecs.errors import BadRecord, CodecError
from metropole_media.codecs.model import Colour
from metropole_media.codecs.sps import parse_sps

HIGH = bytes.fromhex(
    "0164001fffe100176764001facb200a00b7420000003002000000781e3064901000668ebc3cb22c0fdf8f800"
)
RECORDS = {
    HIGH: ("avc1.64001f", 1280, 720, 30.0),
    bytes.fromhex(
        "014d402affe10017674d402aeca03c0113f2c2000007d20003a9801e30632c01000568ebe3cb20"
    ): ("avc1.4d402a", 1920, 1080, 60000 / 1001),
    bytes.fromhex(
        "0142c01effe100186742c01ed900a02ff961000003000100000300320f162e4801000568cb83cb20"
    ): ("avc1.42c01e", 640, 360, 25.0),
    # interlaced: the map units are pairs of macroblocks
    bytes.fromhex(
        "01640028ffe1001967640028acd94078044fdc20000003002000000643e2c5b2c0"
        "01000668fba3cb22c0fdf8f800"
    ): ("avc1.640028", 1920, 1080, 25.0),
    # 4:2:2 with 10 bits, cropped
    bytes.fromhex(
        "017a001fffe1001a677a001fb6cd940d83de6e10000003001000000303c0f1831960"
        "01000668ebe3cb22c0fefafa00"
    ): ("avc1.7a001f", 854, 480, 30.0),
    # 4:4:4, cropped by single pixels
    bytes.fromhex(
        "01f4000dffe1001967f4000d919b282a10f1f1f080000003008000001e078a14cb"
        "01000668ebe3c44844fff8f800"
    ): ("avc1.f4000d", 322, 242, 30.0),
    # with a sample aspect ratio
    bytes.fromhex(
        "0164001effe1001a6764001eacd940a02ff970e10000030001000003003c0f162d96"
        "01000768ebe3cb3002c0fdf8f800"
    ): ("avc1.64001e", 640, 360, 30.0),
}  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), RECORDS.items())
def test_what_a_record_says(record: bytes, expected: tuple[str, int, int, float]) -> None:
    config = parse_avcc(record)
    assert (config.codec, config.width, config.height) == expected[:3]
    assert config.frame_rate == pytest.approx(expected[3])
    assert config.nal_length_size == 4


def test_chroma_and_depth() -> None:
    config = parse_avcc(list(RECORDS)[4])
    assert (config.chroma_format, config.bit_depth) == (2, 10)


PQ = bytes.fromhex(
    "016e000dffe1001b676e000da6cb40a0cfcf3509100940000003004000000f03c50aa801000468ce0fc8fdfafa00"
)


def test_colour() -> None:
    assert parse_avcc(HIGH).colour is None
    assert parse_avcc(PQ).colour == Colour(9, 16, 9)
    assert parse_avcc(PQ.replace(b"\xcf\x35", b"\xcf\x37")).colour == Colour(9, 16, 9, True)
    assert parse_avcc(PQ).frame_rate == 30.0


def test_scaling_lists_are_passed_over() -> None:
    # x264 writes them into the picture's set: put a list of deltas into the sequence's.
    bits = "1" + "010" + "1" + "1" + "0" + "1"  # id 0, 4:2:0, depths, bypass, lists follow
    bits += "1" + "1" * 16 + "0" * 7  # the first list: 16 deltas of 0
    bits += "1" + "1" + "1" + "010" + "0" + "000010100" + "00100" + "1" + "1" + "0" + "0" + "1"
    octets = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    sps = parse_sps(bytes((0x67, 100, 0, 31)) + octets)
    assert (sps.width, sps.height, sps.frame_rate) == (320, 64, 0.0)


@pytest.mark.parametrize("length", range(7))
def test_a_record_that_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(BadRecord, match="cut off"):
        parse_avcc(HIGH[:length])


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"\0" + HIGH[1:], "version 0"),
        (HIGH[:4] + b"\xfe" + HIGH[5:], "3 octets"),
        (HIGH[:5] + b"\xe0" + HIGH[6:], "no sequence"),
        (HIGH[:31] + b"\0", "no picture"),
        (HIGH[:8] + b"\x68" + HIGH[9:], "no sequence"),
        (HIGH + bytes(65536), "64 KiB"),
    ],
)
def test_what_is_wrong_is_said(record: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_avcc(record)


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: HIGH[:8] + tail))
def test_no_octets_do_more_than_be_refused(record: bytes) -> None:
    try:
        config = parse_avcc(record)
    except CodecError:
        return
    assert 0 < config.width <= 16384
    assert 0 < config.height <= 32768


def units(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


DELIMITER, IDR, SLICE = b"\x09\x10", b"\x65\x88", b"\x41\x9a"
RECOVERY = b"\x06\x06\x01\xc4\x80"
USER_DATA = b"\x06\x05\xff\x01" + bytes(256) + b"\x80"


@pytest.mark.parametrize(
    ("frame", "flagged", "key"),
    [
        (units(IDR), True, True),
        (units(DELIMITER, USER_DATA, IDR, IDR), True, True),
        (units(IDR), False, True),
        (units(SLICE), False, False),
        (units(DELIMITER, SLICE), True, False),
        (units(USER_DATA, RECOVERY, SLICE), True, True),
        (units(RECOVERY, SLICE), False, False),
        (units(USER_DATA, SLICE), True, False),
        (units(DELIMITER), True, False),
        (units(*[DELIMITER] * MAX_NAL_UNITS, IDR), True, False),
        (b"", True, False),
        (b"\xff\xff\xff\xff\x65", True, False),
    ],
)
def test_where_decoding_can_begin(frame: bytes, flagged: bool, key: bool) -> None:
    assert read_access_unit(memoryview(frame), 4, flagged).key is key


@pytest.mark.parametrize(
    ("frame", "kept", "picture"),
    [
        (units(DELIMITER, IDR), units(DELIMITER, IDR), True),
        (units(SLICE) + b"\0\0", units(SLICE), True),
        (units(SLICE) + b"\0\0\0\7\x41", units(SLICE), True),
        (units(SLICE) + bytes(4000), units(SLICE), True),
        (units(DELIMITER, SLICE)[:-1], units(DELIMITER), False),
        (units(USER_DATA), units(USER_DATA), False),
        (b"\x7f\xff\xff\xff" + SLICE, b"", False),
        (units(SLICE, *[SLICE] * MAX_NAL_UNITS), units(*[SLICE] * MAX_NAL_UNITS), True),
    ],
)
def test_what_cannot_be_read_is_cut_off(frame: bytes, kept: bytes, picture: bool) -> None:
    unit = read_access_unit(memoryview(frame), 4, False)
    assert unit.data == kept
    assert unit.whole is (frame == kept)
    assert unit.picture is picture


@given(st.binary(max_size=100), st.sampled_from((1, 2, 4)), st.booleans())
def test_no_frame_breaks_the_walk(data: bytes, size: int, flagged: bool) -> None:
    unit = read_access_unit(memoryview(data), size, flagged)
    assert data.startswith(bytes(unit.data))
    again = read_access_unit(unit.data, size, flagged)
    assert again.whole
    assert (again.key, again.picture, again.sets) == (unit.key, unit.picture, unit.sets)


SPS, PPS = HIGH[8:31], HIGH[34:40]
OTHER = list(RECORDS)[1]
OTHER_SPS, OTHER_PPS = OTHER[8:31], OTHER[34:39]


def test_parameter_sets_inside_a_frame_are_found() -> None:
    unit = read_access_unit(memoryview(units(DELIMITER, SPS, PPS, IDR)), 4, True)
    assert unit.sets == [SPS, PPS]
    assert unit.key
    assert len(read_access_unit(memoryview(units(*[PPS] * 100, IDR)), 4, True).sets) == MAX_SETS


def test_a_record_that_holds_the_sets_stays() -> None:
    assert with_sets(HIGH, [SPS, PPS]) is HIGH
    assert with_sets(HIGH, [PPS]) is HIGH
    assert with_sets(HIGH, []) is HIGH


def test_other_sets_make_another_record() -> None:
    assert with_sets(HIGH, [OTHER_SPS, OTHER_PPS]) == OTHER
    # The way back: a profile whose record says chroma format and depths.
    assert with_sets(OTHER, [SPS, PPS]) == HIGH
    changed = with_sets(HIGH, [OTHER_PPS])
    assert parse_avcc(changed) == parse_avcc(HIGH)
    assert OTHER_PPS in changed
    assert changed.endswith(HIGH[-4:])


def test_senseless_sets_make_none() -> None:
    with pytest.raises(BadRecord):
        with_sets(HIGH, [b"\x67\x64\0"])
