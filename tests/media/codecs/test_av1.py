"""Records and frames of SVT-AV1, sequence headers made up by the specification, and broken ones."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.av1 import parse_av1c, read_temporal_unit, with_av1_sets
from metropole_media.codecs.av1_sequence import parse_sequence_header
from metropole_media.codecs.errors import BadRecord, CodecError
from metropole_media.codecs.model import Colour
from metropole_media.codecs.nal import MAX_SETS
from metropole_media.codecs.obu import MAX_OBUS, sized, walk
from tests.support.bit_writer import Bits
from tests.support.clips import clip

DELIMITER, SEQUENCE, HEADER, METADATA, FRAME, PADDING = 2, 1, 3, 5, 6, 15


@dataclass
class Header:
    """A sequence header (section 5.5)."""

    profile: int = 0
    levels: tuple[tuple[int, int], ...] = ((8, 0),)
    timing: tuple[int, int, int] | None = None
    decoder_model: bool = False
    delays: bool = False
    size: tuple[int, int] = (1920, 1080)
    frame_ids: bool = False
    order_hint: bool = True
    screen_content: int = 2
    high: int = 0
    twelve: int = 0
    monochrome: int = 0
    points: tuple[int, int, int] | None = None
    full_range: int = 0
    sampling: tuple[int, int] = (1, 1)
    position: int = 0

    def octets(self) -> bytes:
        bits = Bits().u(self.profile, 3, 0, 1, 0, 1, self.timing is not None, 1)
        if self.timing:
            units, scale, ticks = self.timing
            bits.u(units, 32, scale, 32, ticks > 0, 1)
            if ticks:
                bits.ue(ticks - 1)
            bits.u(self.decoder_model, 1)
            if self.decoder_model:
                bits.u(6, 5, 1, 32, 3, 5, 4, 5)
        bits.u(self.delays, 1, len(self.levels) - 1, 5)
        for level, tier in self.levels:
            bits.u(0, 12, level, 5).u(tier, int(level > 7))
            if self.decoder_model:
                bits.u(1, 1, 99, 7, 100, 7, 1, 1)
            if self.delays:
                bits.u(1, 1, 5, 4)
        bits.u(13, 4, 12, 4, self.size[0] - 1, 14, self.size[1] - 1, 13)
        bits.u(self.frame_ids, 1)
        if self.frame_ids:
            bits.u(9, 4, 5, 3)
        bits.u(5, 3, 9, 4, self.order_hint, 1)
        if self.order_hint:
            bits.u(1, 2)
        bits.raw("1" if self.screen_content == 2 else f"0{self.screen_content}")
        if self.screen_content:
            bits.raw("01" if self.frame_ids else "1")
        if self.order_hint:
            bits.u(6, 3)
        bits.u(3, 3)
        return self._color(bits).u(0, 1).octets()

    def _color(self, bits: Bits) -> Bits:
        bits.u(self.high, 1)
        if self.profile == 2 and self.high:
            bits.u(self.twelve, 1)
        if self.profile != 1:
            bits.u(self.monochrome, 1)
        bits.u(self.points is not None, 1)
        for point in self.points or ():
            bits.u(point, 8)
        if self.monochrome:
            return bits.u(self.full_range, 1)
        if self.points != (1, 13, 0):
            bits.u(self.full_range, 1)
            if self.profile == 2 and self.twelve:
                bits.u(self.sampling[0], 1)
                if self.sampling[0]:
                    bits.u(self.sampling[1], 1)
            subsampled = self.profile == 0 or (self.profile == 2 and self.twelve)
            if subsampled and self.sampling == (1, 1):
                bits.u(self.position, 2)
        return bits.u(0, 1)


def record(header: Header | None = None, *more: bytes, head: str = "81080c00") -> bytes:
    octets = sized(SEQUENCE, header.octets()) if header else b""
    return bytes.fromhex(head) + octets + b"".join(more)


CASES = [
    (Header(), "av01.0.08M.08", 1, 8, None),
    (Header(levels=((13, 1), (5, 0))), "av01.0.13H.08", 1, 8, None),
    (Header(levels=((5, 0),), high=1), "av01.0.05M.10", 1, 10, None),
    (
        Header(high=1, points=(9, 16, 9)), "av01.0.08M.10.0.110.09.16.09.0", 1, 10,
        Colour(9, 16, 9),
    ),
    (Header(points=(1, 1, 1)), "av01.0.08M.08", 1, 8, Colour(1, 1, 1)),
    (Header(full_range=1), "av01.0.08M.08.0.110.01.01.01.1", 1, 8, Colour(2, 2, 2, True)),
    (Header(position=2), "av01.0.08M.08.0.112.01.01.01.0", 1, 8, None),
    (Header(monochrome=1), "av01.0.08M.08.1.110.01.01.01.0", 0, 8, None),
    (Header(profile=1), "av01.1.08M.08.0.000.01.01.01.0", 3, 8, None),
    (
        Header(profile=1, points=(1, 13, 0)), "av01.1.08M.08.0.000.01.13.00.1", 3, 8,
        Colour(1, 13, 0, True),
    ),
    (Header(profile=2), "av01.2.08M.08.0.100.01.01.01.0", 2, 8, None),
    (Header(profile=2, high=1, twelve=1), "av01.2.08M.12", 1, 12, None),
    (
        Header(profile=2, high=1, twelve=1, sampling=(1, 0)), "av01.2.08M.12.0.100.01.01.01.0",
        2, 12, None,
    ),
    (
        Header(profile=2, high=1, twelve=1, sampling=(0, 0)), "av01.2.08M.12.0.000.01.01.01.0",
        3, 12, None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("header", "codec", "chroma", "depth", "colour"), CASES)
def test_what_a_sequence_header_says(
    header: Header, codec: str, chroma: int, depth: int, colour: Colour | None
) -> None:
    config = parse_av1c(record(header))
    assert (config.codec, config.chroma_format, config.bit_depth) == (codec, chroma, depth)
    assert (config.width, config.height, config.colour) == (1920, 1080, colour)
    assert config.start == record(header)[4:]


@pytest.mark.parametrize(
    ("header", "rate"),
    [
        (Header(timing=(1, 60, 1)), 60.0),
        (Header(timing=(1001, 60000, 2)), 30000 / 1001),
        (Header(timing=(1, 60, 0)), 0.0),
        (Header(timing=(0, 60, 1)), 0.0),
        (Header(timing=(1, 1 << 20, 5000)), 0.0),
        (Header(timing=(1, 50, 1), decoder_model=True, delays=True, levels=((9, 1), (8, 0))), 50.0),
        (Header(delays=True, frame_ids=True, order_hint=False, screen_content=1), 0.0),
        (Header(frame_ids=True, screen_content=0), 0.0),
    ],
)
def test_whatever_stands_before_it_the_size_is_found(header: Header, rate: float) -> None:
    header.points = (9, 18, 9)
    found = parse_sequence_header(header.octets())
    assert found.frame_rate == pytest.approx(rate)
    assert (found.width, found.height) == (1920, 1080)
    assert found.samples.points == (9, 18, 9)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "cut off"),
        (Header().octets()[:8], "cut off"),
        (Header(profile=3).octets(), "profile"),
        (b"\x18" + bytes(20), "single picture"),
        (bytes(4097), "too long"),
    ],
)
def test_what_is_wrong_in_a_header_is_said(payload: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_sequence_header(payload)


def test_a_picture_that_is_too_large_is_refused() -> None:
    bits = Bits().u(0, 5, 0, 2, 0, 5, 0, 12, 8, 5, 0, 1, 15, 4, 15, 4, 16384, 16, 1, 16)
    with pytest.raises(BadRecord, match="16384"):
        parse_sequence_header(bits.octets() + bytes(10))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"\x81\0\0", "cut off"),
        (b"\x01\0\0\0", "version"),
        (record(Header())[:-1], "cut off"),
        (record(Header()) + bytes(65536), "64 KiB"),
        (record(Header()) + b"\x80", "cut off"),
    ],
)
def test_what_is_wrong_in_a_record_is_said(wrong: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_av1c(wrong)


@pytest.mark.parametrize(
    ("head", "codec", "chroma", "depth"),
    [("81080c00", "av01.0.08M.08", 1, 8), ("812dc000", "av01.1.13H.10", 3, 10),
     ("81486800", "av01.2.08M.12", 2, 12), ("81081c00", "av01.0.08M.08", 0, 8)],
)  # fmt: skip
def test_a_record_without_a_sequence_header_has_no_size(
    head: str, codec: str, chroma: int, depth: int
) -> None:
    config = parse_av1c(record(head=head))
    assert (config.codec, config.chroma_format, config.bit_depth) == (codec, chroma, depth)
    assert (config.width, config.height, config.start) == (0, 0, b"")


SHOWN_KEY, HIDDEN_KEY, INTER, SHOWN_AGAIN = b"\x10\0", b"\0\0", b"\x30\0", b"\x98"
SEQ = sized(SEQUENCE, Header().octets())
START, PAD = sized(DELIMITER, b""), sized(PADDING, bytes(9))
LIGHT = sized(METADATA, bytes.fromhex("0103e8019080"))
MASTERING = sized(
    METADATA,
    bytes.fromhex("02ae1451ec43d7b0a426660f5c500d54390003e8000000000280"),
)
CLOSED_CAPTION = sized(METADATA, b"\x04\xb5\0\x31\0\0")
CONFIG = parse_av1c(record(Header()))


def test_delimiters_and_padding_are_left_out() -> None:
    frame = START + SEQ + sized(FRAME, SHOWN_KEY) + PAD
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert unit.data == SEQ + sized(FRAME, SHOWN_KEY)
    assert (unit.whole, unit.picture, unit.key) == (True, True, True)
    assert unit.sets == [SEQ]


@pytest.mark.parametrize("around", [(b"", b""), (START, b""), (START + PAD, PAD)])
def test_a_frame_is_not_copied(around: tuple[bytes, bytes]) -> None:
    inside = SEQ + sized(FRAME, SHOWN_KEY)
    frame = bytearray(inside.join(around))
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert unit.data.obj is frame
    assert (unit.data, unit.whole) == (inside, True)


def test_what_is_left_out_may_stand_between() -> None:
    frame = SEQ + PAD + LIGHT + PAD + sized(FRAME, SHOWN_KEY)
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert unit.data == SEQ + LIGHT + sized(FRAME, SHOWN_KEY)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        (SEQ + sized(FRAME, SHOWN_KEY), True),
        (SEQ + sized(HEADER, SHOWN_KEY) + sized(4, b"tiles"), True),
        (SEQ + sized(FRAME, HIDDEN_KEY) + sized(FRAME, INTER), False),
        (SEQ + sized(FRAME, INTER) + sized(FRAME, SHOWN_KEY), False),
        (sized(HEADER, SHOWN_AGAIN), False),
        (sized(FRAME, INTER), False),
        (SEQ, False),
        (b"", False),
        (START * MAX_OBUS + SEQ + sized(FRAME, SHOWN_KEY), False),
    ],
)
def test_where_decoding_can_begin(frame: bytes, key: bool) -> None:
    assert read_temporal_unit(memoryview(frame), CONFIG).key is key


def test_a_key_frame_gets_the_sequence_header_that_it_lacks() -> None:
    frame = sized(FRAME, SHOWN_KEY)
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert unit.data == SEQ + frame
    assert (unit.whole, unit.key, unit.sets) == (True, True, [])
    other = read_temporal_unit(memoryview(sized(FRAME, INTER)), CONFIG)
    assert other.data == sized(FRAME, INTER)


WITH_EXTENSION = bytes((FRAME << 3 | 6, 0x48, 2)) + SHOWN_KEY
WITHOUT_SIZE = bytes((FRAME << 3,)) + SHOWN_KEY


@pytest.mark.parametrize("last", [WITH_EXTENSION, WITHOUT_SIZE])
def test_other_shapes_of_units_are_read(last: bytes) -> None:
    unit = read_temporal_unit(memoryview(SEQ + last), CONFIG)
    assert (bytes(unit.data), unit.whole, unit.key) == (SEQ + last, True, True)


@pytest.mark.parametrize(
    ("frame", "kept", "picture"),
    [
        ((SEQ + sized(FRAME, SHOWN_KEY))[:-1], SEQ, False),
        (sized(FRAME, INTER) + b"\x80", sized(FRAME, INTER), True),
        (sized(FRAME, INTER) + b"\x32" + b"\xff" * 12, sized(FRAME, INTER), True),
        (sized(FRAME, INTER) + b"\x32", sized(FRAME, INTER), True),
        (START + sized(FRAME, INTER) + b"\x36", sized(FRAME, INTER), True),
        (b"\xff\xff", b"", False),
    ],
)
def test_what_cannot_be_read_is_cut_off(frame: bytes, kept: bytes, picture: bool) -> None:
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert (bytes(unit.data), unit.whole, unit.picture) == (kept, False, picture)


def test_the_record_follows_the_frames() -> None:
    bare = record()
    known = with_av1_sets(bare, [SEQ])
    assert known == record(Header())
    assert with_av1_sets(known, [SEQ]) is known
    assert with_av1_sets(known, []) is known
    assert with_av1_sets(bare, []) is bare
    other = Header(profile=2, high=1, twelve=1, levels=((13, 1),), position=1, size=(640, 360))
    changed = with_av1_sets(known, [sized(SEQUENCE, other.octets())])
    assert changed == record(other, head="814ded00")
    assert parse_av1c(changed).width == 640


def test_light_goes_into_the_record_once() -> None:
    frame = SEQ + LIGHT + MASTERING + CLOSED_CAPTION + sized(FRAME, SHOWN_KEY)
    unit = read_temporal_unit(memoryview(frame), CONFIG)
    assert unit.sets == [SEQ, LIGHT, MASTERING]
    changed = with_av1_sets(record(Header(points=(9, 16, 9)), CLOSED_CAPTION), unit.sets[1:])
    assert with_av1_sets(changed, unit.sets[1:]) is changed
    assert CLOSED_CAPTION in changed
    colour = parse_av1c(changed).colour
    assert colour is not None
    assert (colour.primaries, colour.light) == (9, b"\x03\xe8\x01\x90")
    points = [int.from_bytes(colour.mastering[at : at + 2], "big") for at in range(0, 16, 2)]
    assert points == [13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450]
    assert int.from_bytes(colour.mastering[16:20], "big") == 10_000_000
    assert int.from_bytes(colour.mastering[20:], "big") == 1
    dimmer = sized(METADATA, bytes.fromhex("0101f4006480"))
    again = parse_av1c(with_av1_sets(changed, [dimmer])).colour
    assert again is not None
    assert (again.light, again.mastering) == (b"\x01\xf4\0\x64", colour.mastering)


def test_a_real_stream_tells_the_same_in_record_and_frames() -> None:
    source = clip("av1-pq", "", 0.3)
    config = parse_av1c(source.tracks[0].config)
    assert (config.codec, config.width) == ("av01.0.00M.10.0.110.09.16.09.0", 320)
    assert config.colour is not None
    assert len(config.colour.mastering) == 24
    first = read_temporal_unit(memoryview(source.packets[0].data), config)
    assert first.sets
    assert with_av1_sets(source.tracks[0].config, first.sets) is source.tracks[0].config


def test_senseless_sets_make_none() -> None:
    with pytest.raises(BadRecord):
        with_av1_sets(record(Header()), [sized(SEQUENCE, b"\0")])


def test_sets_are_bounded() -> None:
    frame = sized(SEQUENCE, b"x") * 100 + sized(FRAME, SHOWN_KEY)
    assert len(read_temporal_unit(memoryview(frame), CONFIG).sets) == MAX_SETS
    large = read_temporal_unit(memoryview(sized(SEQUENCE, bytes(5000))), CONFIG)
    assert large.sets == []


@given(st.binary(max_size=100) | st.lists(st.sampled_from(
    [SEQ, START, PAD, LIGHT, WITH_EXTENSION, WITHOUT_SIZE, sized(FRAME, INTER), b"\x36"]
)).map(b"".join))  # fmt: skip
def test_no_frame_breaks_the_walk(data: bytes) -> None:
    unit = read_temporal_unit(memoryview(data), CONFIG)
    again = read_temporal_unit(unit.data, CONFIG)
    assert again.whole
    assert again.data == unit.data
    assert (again.key, again.picture) == (unit.key, unit.picture)
    assert all(found.end <= len(data) for found in walk(data))


@given(st.binary(max_size=60), st.integers(0, 40))
def test_no_octets_do_more_than_be_refused(tail: bytes, at: int) -> None:
    good = record(Header(points=(9, 16, 9)), LIGHT, MASTERING)
    for made in (b"\x81" + tail, good[:at] + tail, b"\x81\0\0\0" + sized(SEQUENCE, tail)):
        try:
            config = parse_av1c(made)
        except CodecError:
            continue
        assert 0 <= config.width <= 16384
        assert 0 <= config.height <= 16384
