from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import BadRecord
from tests.support.bit_writer import Bits


@given(st.lists(st.tuples(st.sampled_from(["u", "ue", "se"]), st.integers(0, (1 << 31) - 2))))
def test_what_was_written_is_read(fields: list[tuple[str, int]]) -> None:
    bits = Bits()
    for kind, value in fields:
        if kind == "u":
            bits.u(value, max(1, value.bit_length()))
        elif kind == "ue":
            bits.ue(value)
        else:
            bits.se(value // 2, -(value // 2))
    reader = BitReader(bits.octets())
    for kind, value in fields:
        if kind == "u":
            assert reader.read(max(1, value.bit_length())) == value
        elif kind == "ue":
            assert reader.ue() == value
        else:
            assert (reader.se(), reader.se()) == (value // 2, -(value // 2))
    assert reader.flag()
    assert 0 <= reader.left < 8


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0", b"\x08", bytes(3) + b"\1" + bytes(3)])
def test_a_number_that_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(BadRecord, match="cut off"):
        BitReader(data).ue()


def test_a_number_may_be_too_large() -> None:
    assert BitReader(b"\0\0\0\1\0\0\0\0").ue() == (1 << 31) - 1
    for data in (b"\0\0\0\0\x80" + bytes(8), bytes(20)):
        with pytest.raises(BadRecord, match="too large"):
            BitReader(data).ue()


def test_uvlc_of_av1_has_a_largest_number() -> None:
    reader = BitReader(b"\0\0\0\0\x80\x80")
    assert reader.uvlc() == (1 << 32) - 1
    assert reader.left == 15
    assert BitReader(b"\x28").uvlc() == 4
    with pytest.raises(BadRecord, match="cut off"):
        BitReader(b"\0\0\0\0\0\0").uvlc()
    reader = BitReader(bytes(20))
    with pytest.raises(BadRecord, match="too large"):
        reader.uvlc()
    assert reader.left == 160, "nothing is walked through"
