"""Colour as encoders tell it beside the codec."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.codecs.colour import FLV_PRIMARIES, colour_from_flv, merged
from metropole_media.codecs.model import Colour

CONFIG = {
    "bitDepth": 10.0,
    "colorPrimaries": 9.0,
    "transferCharacteristics": 16.0,
    "matrixCoefficients": 9.0,
}
MDCV = {
    "redX": 0.68, "redY": 0.32, "greenX": 0.265, "greenY": 0.69, "blueX": 0.15, "blueY": 0.06,
    "whitePointX": 0.3127, "whitePointY": 0.329, "maxLuminance": 1000.0, "minLuminance": 0.0001,
}  # fmt: skip
CLL = {"maxCLL": 1000.0, "maxFall": 400.0}
LIGHT = bytes.fromhex("03e80190")


def test_a_color_info_of_hdr10() -> None:
    said = colour_from_flv({"colorConfig": CONFIG, "hdrMdcv": MDCV, "hdrCll": CLL})
    assert said is not None
    assert (said.primaries, said.transfer, said.matrix, said.full_range) == (9, 16, 9, False)
    points = [int.from_bytes(said.mastering[at : at + 2], "big") for at in range(0, 16, 2)]
    assert points == [13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450]
    assert said.mastering[16:] == (10_000_000).to_bytes(4, "big") + (1).to_bytes(4, "big")
    assert said.light == LIGHT


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"colorConfig": None, "hdrMdcv": 5, "hdrCll": "x"}, None),
        ({"colorConfig": {"bitDepth": 8.0}}, None),
        ({"colorConfig": CONFIG}, Colour(9, 16, 9)),
        ({"colorConfig": CONFIG | {"colorPrimaries": 256}}, Colour(2, 16, 9)),
        ({"colorConfig": CONFIG | {"colorPrimaries": math.nan}}, Colour(2, 16, 9)),
        ({"colorConfig": CONFIG | {"colorPrimaries": True}}, Colour(2, 16, 9)),
        ({"hdrCll": CLL}, Colour(2, 2, 2, light=LIGHT)),
        ({"hdrCll": {"maxCLL": 1e9}}, Colour(2, 2, 2, light=b"\xff\xff\0\0")),
        ({"hdrCll": {"maxCLL": 0, "maxFall": 0}}, None),
        ({"hdrMdcv": {name: value for name, value in MDCV.items() if name != "redX"}}, None),
        ({"hdrMdcv": MDCV | {"redX": 34000.0}}, None),
        ({"hdrMdcv": MDCV | {"maxLuminance": math.inf}}, None),
    ],
)
def test_what_is_missing_or_senseless_is_not_said(
    values: dict[str, object], expected: Colour | None
) -> None:
    assert colour_from_flv(values) == expected


def test_the_codec_has_the_last_word() -> None:
    told = Colour(9, 16, 9, mastering=bytes(24), light=LIGHT)
    assert merged(None, None) is None
    assert merged(None, told) is told
    assert merged(Colour(1, 1, 1), None) == Colour(1, 1, 1)
    assert merged(Colour(1, 1, 1), told) == Colour(1, 1, 1, False, bytes(24), LIGHT)
    assert merged(Colour(2, 2, 2, True), told) == Colour(9, 16, 9, True, bytes(24), LIGHT)
    assert merged(Colour(9, 18, 9, light=b"mine"), told) == Colour(
        9, 18, 9, False, bytes(24), b"mine"
    )


VALUES = st.recursive(
    st.none() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from([*CONFIG, *MDCV, *CLL]), inner, max_size=12),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["colorConfig", "hdrMdcv", "hdrCll"]), VALUES))
def test_nothing_that_is_told_breaks_anything(values: dict[str, object]) -> None:
    said = colour_from_flv(values)
    if said is not None:
        assert len(said.mastering) in (0, 24)
        assert len(said.light) in (0, 4)


def test_a_light_beyond_all_measure_is_the_largest_there_is() -> None:
    primaries = dict.fromkeys(FLV_PRIMARIES, 0.5)
    found = colour_from_flv(
        {"hdrMdcv": {**primaries, "maxLuminance": 1e308, "minLuminance": 1e308}}
    )
    assert found is not None
    assert found.mastering[-8:] == b"\xff" * 8
