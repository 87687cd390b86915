"""Delivery directives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.hls.directives import (
    MAX_DIGITS,
    MAX_QUERY,
    NONE,
    BadDirective,
    Directives,
    parse_directives,
)

NUMBER = st.integers(0, 10**MAX_DIGITS - 1)


@given(
    segment=NUMBER,
    part=st.none() | NUMBER,
    skip=st.sampled_from(["YES", "v2", "yes", "NO", "", "v3", None]),
    other=st.from_regex(r"[a-z]{1,8}=[a-z0-9%]{0,8}"),
)
def test_what_is_asked_is_read(
    segment: int, part: int | None, skip: str | None, other: str
) -> None:
    pairs = [f"_HLS_msn={segment}", other.strip("\n")]
    if skip is not None:
        pairs.append(f"_HLS_skip={skip}")
    if part is not None:
        pairs.append(f"_HLS_part={part}")
    for query in ("&".join(pairs), "&".join(reversed(pairs))):
        assert parse_directives(query) == Directives(segment, part, skip in ("YES", "v2"))


@given(st.text(max_size=2 * MAX_QUERY))
def test_any_text_is_read_or_refused_with_a_sentence(query: str) -> None:
    sentence = ""
    found = NONE
    try:
        found = parse_directives(query)
    except BadDirective as error:
        sentence = str(error)
    assert sentence or len(query) <= MAX_QUERY
    assert found.segment is not None or found.part is None


@pytest.mark.parametrize("query", ["", "a=b", "_HLS_skip=no", "_HLS_push=1", "msn=3"])
def test_nothing_asked(query: str) -> None:
    assert parse_directives(query) == NONE


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=1",
        "_HLS_msn=",
        "_HLS_msn",
        "_HLS_msn=-1",
        "_HLS_msn=1.5",
        "_HLS_msn=\u0663",
        "_HLS_msn=" + "9" * (MAX_DIGITS + 1),
        "_HLS_msn=1&_HLS_msn=1",
        "_HLS_skip=YES&_HLS_skip=v2",
        "_HLS_msn=1&_HLS_part=x",
        "_HLS_msn=1&" + "a" * MAX_QUERY,
    ],
)
def test_senseless_directives_are_refused(query: str) -> None:
    with pytest.raises(BadDirective):
        parse_directives(query)
