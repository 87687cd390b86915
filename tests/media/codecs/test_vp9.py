"""Records and frames of libvpx, frame headers made up by the specification, and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.errors import BadRecord, CodecError
from metropole_media.codecs.model import Colour
from metropole_media.codecs.vp9 import parse_vpcc, read_vp9, vpcc, with_vp9_sets
from tests.support.bit_writer import Bits
from tests.support.clips import clip


def record(
    profile: int = 0,
    level: int = 31,
    depth: int = 8,
    subsampling: int = 1,
    full_range: int = 0,
    points: tuple[int, int, int] = (2, 2, 2),
    size: tuple[int, int] | None = None,
) -> bytes:
    packed = depth << 4 | subsampling << 1 | full_range
    out = bytes((1, 0, 0, 0, profile, level, packed, *points, 0, 0))
    return out + b"".join(n.to_bytes(2, "big") for n in size or ())


def key_frame(
    profile: int = 0,
    size: tuple[int, int] = (1280, 720),
    twelve: int = 0,
    space: int = 2,
    full_range: int = 0,
    sampling: tuple[int, int] = (1, 1),
    sync: int = 0x498342,
) -> bytes:
    """uncompressed_header() (section 6.2)."""
    bits = Bits().u(2, 2, profile & 1, 1, profile >> 1, 1).u(0, int(profile == 3))
    bits.u(0, 1, 0, 1, 1, 1, 0, 1, sync, 24)
    if profile >= 2:
        bits.u(twelve, 1)
    bits.u(space, 3)
    if space != 7:
        bits.u(full_range, 1)
        if profile & 1:
            bits.u(sampling[0], 1, sampling[1], 1)
    if profile & 1:
        bits.u(0, 1)
    return bits.u(size[0] - 1, 16, size[1] - 1, 16, 0, 1).octets() + bytes(20)


INTER, SHOWN_AGAIN = b"\x86\0\x40\x92", b"\x88"


@pytest.mark.parametrize(
    ("made", "codec", "chroma", "colour"),
    [
        (record(), "vp09.00.31.08", 1, None),
        (record(subsampling=0), "vp09.00.31.08", 1, None),
        (record(points=(1, 1, 1)), "vp09.00.31.08", 1, Colour(1, 1, 1)),
        (
            record(points=(1, 1, 1), subsampling=0), "vp09.00.31.08.00.01.01.01.00", 1,
            Colour(1, 1, 1),
        ),
        (
            record(profile=2, depth=10, points=(9, 16, 9)), "vp09.02.31.10.01.09.16.09.00", 1,
            Colour(9, 16, 9),
        ),
        (
            record(full_range=1), "vp09.00.31.08.01.02.02.02.01", 1, Colour(2, 2, 2, True),
        ),
        (record(profile=1, subsampling=2), "vp09.01.31.08.02.02.02.02.00", 2, None),
        (record(profile=3, depth=12, subsampling=3), "vp09.03.31.12.03.02.02.02.00", 3, None),
    ],
)  # fmt: skip
def test_what_a_record_says(made: bytes, codec: str, chroma: int, colour: Colour | None) -> None:
    config = parse_vpcc(made)
    assert (config.codec, config.chroma_format, config.colour) == (codec, chroma, colour)
    assert (config.width, config.height) == (0, 0)
    assert parse_vpcc(made + bytes.fromhex("050002d0")).width == 1280


@pytest.mark.parametrize(
    ("size", "level"),
    [
        ((320, 180), 11),
        ((1280, 720), 31),
        ((1920, 1080), 41),
        ((3840, 2160), 51),
        ((9999, 9999), 62),
    ],
)
def test_a_level_that_is_not_said_is_that_of_the_size(size: tuple[int, int], level: int) -> None:
    assert parse_vpcc(record(level=0, size=size)).codec == f"vp09.00.{level}.08"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (record()[:-1], "length"),
        (record() + b"\0", "length"),
        (b"\0" + record()[1:], "version 0"),
        (record(profile=4), "values"),
        (record(depth=9), "values"),
        (record(subsampling=4), "values"),
    ],
)
def test_what_is_wrong_is_said(made: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        parse_vpcc(made)


@pytest.mark.parametrize(
    ("frame", "picture", "key", "whole"),
    [
        (key_frame(), True, True, True),
        (key_frame(profile=3, sampling=(0, 0)), True, True, True),
        (key_frame(space=7, profile=1), True, True, True),
        (INTER, True, False, True),
        (SHOWN_AGAIN, True, False, True),
        # A superframe: its index stands at the end.
        (key_frame() + INTER + bytes((0xC9, 34, 0, 4, 0, 0xC9)), True, True, True),
        (key_frame(sync=0x498343), False, False, False),
        (key_frame()[:6], False, False, False),
        (b"\0" + key_frame(), False, False, False),
        (b"", False, False, True),
    ],
)
def test_where_decoding_can_begin(frame: bytes, picture: bool, key: bool, whole: bool) -> None:
    unit = read_vp9(memoryview(frame))
    assert (unit.picture, unit.key, unit.whole) == (picture, key, whole)
    assert unit.data == (frame if whole else b"")
    assert bool(unit.sets) is key


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (key_frame(), record(size=(1280, 720))),
        (key_frame(full_range=1), record(full_range=1, size=(1280, 720))),
        (key_frame(profile=2), record(profile=2, depth=10, size=(1280, 720))),
        (key_frame(profile=2, twelve=1), record(profile=2, depth=12, size=(1280, 720))),
        (
            key_frame(profile=1, sampling=(1, 0)),
            record(profile=1, subsampling=2, size=(1280, 720)),
        ),
        (
            key_frame(profile=3, sampling=(0, 0)),
            record(profile=3, depth=10, subsampling=3, size=(1280, 720)),
        ),
        (
            key_frame(profile=1, space=7),
            record(profile=1, subsampling=3, full_range=1, size=(1280, 720)),
        ),
    ],
)
def test_the_record_follows_the_frames(frame: bytes, expected: bytes) -> None:
    sets = read_vp9(memoryview(frame)).sets
    known = with_vp9_sets(record(), sets)
    assert known == expected
    assert with_vp9_sets(known, sets) is known
    assert vpcc(known) == expected[:12]
    smaller = read_vp9(memoryview(key_frame(size=(640, 360)))).sets
    config = parse_vpcc(with_vp9_sets(known, smaller))
    assert (config.width, config.height) == (640, 360)


def test_the_place_of_chroma_samples_stays() -> None:
    known = with_vp9_sets(record(subsampling=0), [key_frame()])
    assert known == record(subsampling=0, size=(1280, 720))
    assert with_vp9_sets(known, []) is known


@pytest.mark.parametrize("head", [key_frame(size=(16385, 2)), key_frame()[:7]])
def test_senseless_sets_make_none(head: bytes) -> None:
    with pytest.raises(BadRecord):
        with_vp9_sets(record(), [head])


def test_a_real_stream_says_its_size() -> None:
    (track,) = clip("vp9", "", 0.3).tracks
    assert (track.codec, track.width, track.height) == ("vp09.00.11.08", 320, 180)
    assert parse_vpcc(vpcc(track.config)).width == 0


@given(st.binary(max_size=40) | st.binary(max_size=30).map(lambda tail: key_frame()[:5] + tail))
def test_no_frame_breaks_anything(data: bytes) -> None:
    unit = read_vp9(memoryview(data))
    assert unit.data in (data, b"")
    try:
        config = parse_vpcc(with_vp9_sets(record(), unit.sets))
    except CodecError:
        return
    assert config.width <= 16384


@given(st.binary(max_size=20) | st.binary(min_size=11, max_size=15).map(lambda tail: b"\1" + tail))
def test_no_octets_do_more_than_be_refused(made: bytes) -> None:
    try:
        config = parse_vpcc(made)
    except CodecError:
        return
    assert config.codec.startswith("vp09.0")
