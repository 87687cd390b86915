from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.rtmp import amf0
from metropole_media.rtmp.errors import BadMessage

LEAVES = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.lists(VALUES.filter(lambda value: depth(value) <= amf0.MAX_DEPTH), max_size=6))
def test_what_is_written_is_read(values: list[amf0.Value]) -> None:
    assert amf0.decode(amf0.encode(values)) == values


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(st.binary(max_size=300))
def test_no_octets_do_more_than_be_refused(data: bytes) -> None:
    try:
        amf0.decode(data)
    except BadMessage:
        return


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("06", [None]),
        ("0d", [None]),
        ("0b3ff00000000000000000", [1.0]),
        (("0c00000002" "6869"), ["hi"]),
        (("0f00000002" "6869"), ["hi"]),
        (("08000000ff" "0001610500" "0009"), [{"a": None}]),
        (("10000158" "0001610101" "000009"), [{"a": True}]),
        ("020001ff", ["\ufffd"]),
    ],
)  # fmt: skip
def test_types_that_are_only_read(octets: str, expected: list[amf0.Value]) -> None:
    assert amf0.decode(bytes.fromhex(octets)) == expected


def test_a_long_text() -> None:
    text = "x" * 65000 + "y"
    assert amf0.decode(amf0.encode([text])) == [text]
    assert amf0.encode(["x" * 70000])[0] == 12


def test_not_a_number() -> None:
    (value,) = amf0.decode(amf0.encode([math.nan]))
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x00", "cut off"),
        (b"\x03\x00\x01a", "cut off"),
        (b"\x04", "unknown type 4"),
        (b"\x07\x00\x01", "unknown type 7"),
        (b"\x11\x01", "unknown type 17"),
        (b"\x0a\x00\x00\x00\x01" * 20 + b"\x05", "nested"),
        (b"\x0a\xff\xff\xff\xff", "1024 values"),
        (b"\x05" * 1025, "1024 values"),
        (b"\x05" * 65537, "64 KiB"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, words: str) -> None:
    with pytest.raises(BadMessage, match=words):
        amf0.decode(data)


def test_writing_is_bounded_too() -> None:
    nested: amf0.Value = None
    for _ in range(20):
        nested = [nested]
    with pytest.raises(ValueError, match="deeply"):
        amf0.encode([nested])
    with pytest.raises(ValueError, match="too long"):
        amf0.encode([{"x" * 70000: None}])
