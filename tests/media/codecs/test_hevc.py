"""Records of x265, sequence parameter sets made up by the standard, and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.errors import BadRecord, CodecError
from metropole_media.codecs.hevc import (
    MAX_UNITS,
    parse_hvcc,
    read_hevc,
    with_hevc_sets,
)
from metropole_media.codecs.hevc_sps import parse_hevc_sps
from metropole_media.codecs.model import Colour
from metropole_media.codecs.nal import MAX_NAL_UNITS, MAX_SETS, with_emulation, without_emulation
from tests.support.bit_writer import Bits
from tests.support.clips import clip

MAIN_4_1 = bytes((0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 123))
"""General profile, compatibility, constraints and level."""


def record(kind: str) -> bytes:
    return clip(kind, "", 0.3).tracks[0].config


def sps(
    general: bytes = MAIN_4_1,
    *,
    above: int = 0,
    layers: str = "",
    chroma: int = 1,
    size: tuple[int, int] = (1920, 1088),
    window: tuple[int, ...] = (0, 0, 0, 4),
    depth: int = 8,
    lists: Bits | None = None,
    pcm: bool = False,
    references: Bits | None = None,
    long_term: int = 0,
    vui: Bits | None = None,
) -> bytes:
    """The NAL unit of a sequence parameter set, field by field (H.265 section 7.3.2.2.1)."""
    bits = Bits().u(0, 4, above, 3, 1, 1).raw("".join(f"{octet:08b}" for octet in general))
    bits.raw(layers).ue(0, chroma)
    if chroma == 3:
        bits.u(0, 1)
    bits.ue(*size).u(bool(window), 1).ue(*window).ue(depth - 8, depth - 8, 4)
    bits.u(1, 1)
    for _ in range(above + 1):
        bits.ue(4, 2, 0)
    bits.ue(0, 3, 0, 3, 0, 0)
    bits.raw("11" + lists.bits if lists else "0").u(1, 1, 1, 1)
    if pcm:
        bits.u(1, 1, 7, 4, 7, 4).ue(0, 2).u(1, 1)
    else:
        bits.u(0, 1)
    bits.raw(references.bits if references else Bits().ue(0).bits)
    bits.u(long_term > 0, 1)
    if long_term:
        bits.ue(long_term)
        for number in range(long_term):
            bits.u(number, 8, 1, 1)
    bits.u(1, 1, 1, 1)
    bits.raw("1" + vui.bits if vui else "0").u(0, 1)
    return b"\x42\x01" + with_emulation(bits.octets())


def vui(
    *, aspect: bool = False, signal: tuple[int, ...] = (), place: bool = False, window: bool = False
) -> Bits:
    """Timing of 50 frames a second behind other fields (section E.2.1)."""
    bits = Bits()
    bits.raw(f"1{255:08b}{4:016b}{3:016b}" if aspect else "0")
    bits.u(1, 1, 1, 1)  # overscan
    if signal:
        full, *points = signal
        bits.u(1, 1, 5, 3, full, 1, bool(points), 1).u(*(x for p in points for x in (p, 8)))
    else:
        bits.u(0, 1)
    bits.u(place, 1)
    if place:
        bits.ue(2, 2)
    bits.u(0, 3, window, 1)
    if window:
        bits.ue(0, 0, 8, 8)
    return bits.u(1, 1, 1, 32, 50, 32, 0, 1, 0, 1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "codec", "depth"),
    [("hevc", "hvc1.1.6.L60.90", 8), ("hevc-b", "hvc1.1.6.L60.90", 8),
     ("hevc-pq", "hvc1.2.4.L60.90", 10)],
)  # fmt: skip
def test_what_a_record_of_x265_says(kind: str, codec: str, depth: int) -> None:
    config = parse_hvcc(record(kind))
    assert (config.codec, config.width, config.height) == (codec, 320, 180)
    assert (config.bit_depth, config.chroma_format, config.nal_length_size) == (depth, 1, 4)
    assert config.frame_rate == pytest.approx(30)


def test_hdr10_stands_in_the_record() -> None:
    colour = parse_hvcc(record("hevc-pq")).colour
    assert colour is not None
    assert (colour.primaries, colour.transfer, colour.matrix) == (9, 16, 9)
    assert colour.video_range == "PQ"
    assert [int.from_bytes(colour.mastering[at : at + 2], "big") for at in range(0, 16, 2)] == [
        13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450,
    ]  # fmt: skip
    assert colour.mastering[16:] == (10_000_000).to_bytes(4, "big") + (1).to_bytes(4, "big")
    assert colour.light == bytes.fromhex("03e80190")


@pytest.mark.parametrize(
    ("general", "codec"),
    [
        # The examples of 14496-15 section E.3.
        ("01 40000000 b00000000000 5d", "hvc1.1.2.L93.B0"),
        ("64 82000000 b02300000000 78", "hvc1.A4.41.H120.B0.23"),
        ("01 60000000 000000000000 7b", "hvc1.1.6.L123"),
        ("c2 20000000 000000000001 7b", "hvc1.C2.4.L123.00.00.00.00.00.01"),
    ],
)
def test_the_codec_string_is_that_of_the_standard(general: str, codec: str) -> None:
    units = {32: b"\x40\x01", 33: sps(bytes.fromhex(general)), 34: b"\x44\x01"}
    changed = with_hevc_sets(record("hevc"), list(units.values()))
    assert parse_hvcc(changed).codec == codec
    assert changed[1:13] == bytes.fromhex(general)


SCALING = Bits()
for _size in range(4):
    for _matrix in range(0, 6, 3 if _size == 3 else 1):
        if _matrix == 0 and _size:
            SCALING.u(0, 1).ue(0)
        else:
            SCALING.u(1, 1).se(*([3] if _size > 1 else []), *[-1, 1] * min(32, 8 << 2 * _size))
REFERENCES = (
    Bits()
    .ue(3)
    .ue(2, 1)
    .ue(0).u(1, 1).ue(0).u(1, 1).ue(0).u(1, 1)
    # One like it: four pictures, of which one is left out.
    .u(1, 1, 0, 1).ue(0).u(1, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1)
    .u(1, 1, 1, 1).ue(1).u(1, 1, 1, 1, 1, 1, 1, 1)
)  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        sps(),
        sps(lists=SCALING),
        sps(pcm=True),
        sps(references=REFERENCES),
        sps(long_term=5),
        sps(above=2, layers="1101" + "00" * 6 + "01" * 44 + "1" * 8 + "0" * 8),
        sps(lists=SCALING, pcm=True, references=REFERENCES, long_term=32),
    ],
)
def test_whatever_stands_before_it_the_timing_is_found(made: bytes) -> None:
    # Cut off at the stop bit: put the timing behind what the set says anyway.
    assert parse_hevc_sps(made).frame_rate == 0.0
    bits = "".join(f"{octet:08b}" for octet in without_emulation(made[2:]))
    bits = bits[: bits.rindex("1")][:-2] + "1" + vui(place=True, window=True).bits
    found = parse_hevc_sps(made[:2] + with_emulation(Bits(bits).u(0, 1).octets()))
    assert (found.width, found.height, found.frame_rate) == (1920, 1080, 50.0)


@pytest.mark.parametrize(
    ("chroma", "window", "size"),
    [(0, (1, 2, 3, 4), (1917, 1081)), (1, (1, 2, 3, 4), (1914, 1074)),
     (2, (1, 2, 3, 4), (1914, 1081)), (3, (1, 2, 3, 4), (1917, 1081)), (1, (), (1920, 1088))],
)  # fmt: skip
def test_cropping(chroma: int, window: tuple[int, ...], size: tuple[int, int]) -> None:
    found = parse_hevc_sps(sps(chroma=chroma, window=window, depth=12))
    assert (found.width, found.height, found.bit_depth) == (*size, 12)


@pytest.mark.parametrize(
    ("signal", "colour"),
    [
        ((), None),
        ((0,), None),
        ((1,), Colour(2, 2, 2, True)),
        ((0, 9, 18, 9), Colour(9, 18, 9)),
        ((1, 1, 1, 1), Colour(1, 1, 1, True)),
    ],
)
def test_colour(signal: tuple[int, ...], colour: Colour | None) -> None:
    found = parse_hevc_sps(sps(vui=vui(aspect=True, signal=signal)))
    assert found.colour == colour
    assert found.frame_rate == 50.0


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (b"\x44" + sps()[1:], "no sequence"),
        (sps() + bytes(4096), "too long"),
        (sps(size=(16385, 16)), "16384"),
        (sps(window=(480, 480, 0, 0)), "nothing"),
        (sps(chroma=4), "chroma format"),
        (sps(depth=17), "bit depth"),
        (sps(references=Bits().ue(65)), "sets of reference"),
        (sps(references=Bits().ue(1).ue(17, 0)), "reference pictures"),
        (sps(long_term=33), "reference pictures"),
        (sps()[:20], "cut off"),
    ],
)
def test_what_is_wrong_in_a_set_is_said(made: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_hevc_sps(made)


def arrays(*parts: tuple[int, list[bytes]]) -> bytes:
    out = bytes((len(parts),))
    for kind, units in parts:
        out += bytes((0x80 | kind,)) + len(units).to_bytes(2, "big")
        out += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return out


VPS, SPS, PPS = b"\x40\x01\x0c", sps(), b"\x44\x01\xc0"
GOOD = record("hevc")[:22] + arrays((32, [VPS]), (33, [SPS]), (34, [PPS]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (GOOD[:22], "cut off"),
        (GOOD[:24], "cut off"),
        (GOOD[:-1], "cut off"),
        (b"\0" + GOOD[1:], "version 0"),
        (GOOD[:21] + b"\x02" + GOOD[22:], "3 octets"),
        (GOOD + bytes(65536), "64 KiB"),
        (GOOD[:22] + arrays((33, [SPS]), (34, [PPS])), "no video"),
        (GOOD[:22] + arrays((32, [VPS]), (34, [PPS])), "no sequence"),
        (GOOD[:22] + arrays((32, [VPS]), (33, [SPS])), "no picture"),
        (GOOD[:22] + arrays((32, [VPS] * (MAX_UNITS + 1))), "too many"),
        (GOOD[:22] + arrays((32, [b"\x40"])), "cut off"),
    ],
)
def test_what_is_wrong_in_a_record_is_said(wrong: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_hvcc(wrong)


def units(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


DELIMITER, IDR, CRA, BLA = b"\x46\x01\x50", b"\x26\x01\xaf", b"\x2a\x01\xaf", b"\x20\x01\xaf"
TRAIL, LEADING, END = b"\x02\x01\xd0", b"\x12\x01\xd0", b"\x4a\x01"
TIMING = b"\x4e\x01\x01\x03\x01\x02\x03\x80"
LIGHT = b"\x4e\x01\x01\x01\x01\x90\x04\x03\xe8\x01\x90\x80"


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        (units(IDR), True),
        (units(CRA), True),
        (units(BLA), True),
        (units(DELIMITER, VPS, SPS, PPS, TIMING, IDR, IDR), True),
        (units(TRAIL), False),
        (units(LEADING), False),
        (units(TRAIL, IDR), False),
        (units(DELIMITER, SPS), False),
        (units(*[DELIMITER] * MAX_NAL_UNITS, IDR), False),
        (b"", False),
    ],
)
def test_where_decoding_can_begin(frame: bytes, key: bool) -> None:
    assert read_hevc(memoryview(frame), 4).key is key


@pytest.mark.parametrize(
    ("frame", "kept", "picture"),
    [
        (units(DELIMITER, IDR, END), units(DELIMITER, IDR, END), True),
        (units(TRAIL) + b"\0\0", units(TRAIL), True),
        (units(TRAIL) + b"\0\0\0\1\x02", units(TRAIL), True),
        (units(TRAIL) + bytes(4000), units(TRAIL), True),
        (units(DELIMITER, TRAIL)[:-1], units(DELIMITER), False),
        (b"\x7f\xff\xff\xff" + TRAIL, b"", False),
    ],
)
def test_what_cannot_be_read_is_cut_off(frame: bytes, kept: bytes, picture: bool) -> None:
    unit = read_hevc(memoryview(frame), 4)
    assert unit.data == kept
    assert unit.whole is (frame == kept)
    assert unit.picture is picture


def test_sets_inside_a_frame_are_found() -> None:
    unit = read_hevc(memoryview(units(VPS, SPS, PPS, TIMING, LIGHT, IDR)), 4)
    assert unit.sets == [VPS, SPS, PPS, LIGHT]
    assert len(read_hevc(memoryview(units(*[PPS] * 100, IDR)), 4).sets) == MAX_SETS


def test_a_record_that_holds_the_sets_stays() -> None:
    assert with_hevc_sets(GOOD, [VPS, SPS, PPS]) is GOOD
    assert with_hevc_sets(GOOD, [PPS]) is GOOD
    assert with_hevc_sets(GOOD, []) is GOOD


def test_other_sets_make_another_record() -> None:
    smaller = sps(size=(1280, 720), window=(), chroma=2, depth=10)
    changed = with_hevc_sets(GOOD, [smaller])
    config = parse_hvcc(changed)
    assert (config.width, config.height, config.bit_depth, config.chroma_format) == (
        1280, 720, 10, 2,
    )  # fmt: skip
    assert changed[1:13] == MAIN_4_1
    assert changed[16:19] == bytes((0xFE, 0xFA, 0xFA))
    assert changed.endswith(arrays((32, [VPS]), (33, [smaller]), (34, [PPS])))
    assert with_hevc_sets(changed, [SPS]).endswith(GOOD[22:])


def test_light_inside_a_frame_goes_into_the_record_once() -> None:
    changed = with_hevc_sets(GOOD, [VPS, LIGHT])
    colour = parse_hvcc(changed).colour
    assert colour is not None
    assert (colour.light, colour.mastering, colour.primaries) == (b"\x03\xe8\x01\x90", b"", 2)
    # The unit that carries it says something else in every frame.
    again = LIGHT[:4] + b"\x07" + LIGHT[5:]
    assert with_hevc_sets(changed, [again]) is changed
    pq = record("hevc-pq")
    kept = parse_hvcc(with_hevc_sets(pq, [LIGHT[:-2] + b"\x91\x80"])).colour
    before = parse_hvcc(pq).colour
    assert kept is not None
    assert before is not None
    assert (kept.mastering, kept.light) == (before.mastering, b"\x03\xe8\x01\x91")


def test_senseless_sets_make_none() -> None:
    with pytest.raises(BadRecord):
        with_hevc_sets(GOOD, [b"\x42\x01\0"])


@given(st.binary(max_size=100), st.sampled_from((1, 2, 4)))
def test_no_frame_breaks_the_walk(data: bytes, size: int) -> None:
    unit = read_hevc(memoryview(data), size)
    assert data.startswith(bytes(unit.data))
    again = read_hevc(unit.data, size)
    assert again.whole
    assert (again.key, again.picture, again.sets) == (unit.key, unit.picture, unit.sets)


@given(st.binary(max_size=120))
def test_no_octets_do_more_than_be_refused(tail: bytes) -> None:
    for made in (tail, GOOD[:22] + arrays((32, [VPS]), (34, [PPS]), (33, [b"\x42\x01" + tail]))):
        try:
            config = parse_hvcc(made)
        except CodecError:
            continue
        assert 0 < config.width <= 16384
        assert 0 < config.height <= 16384


@given(st.binary(max_size=60))
def test_emulation_prevention_goes_both_ways(data: bytes) -> None:
    assert without_emulation(with_emulation(data)) == data
    assert not any(bad in with_emulation(data) for bad in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
