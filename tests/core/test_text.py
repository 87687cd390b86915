"""Text that people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_core.errors import Invalid
from metropole_core.text import one_line, paragraphs, search_key


def line(text: str, limit: int = 20) -> str:
    return one_line(text, limit=limit, field="title", what="The title")


def block(text: str, limit: int = 50) -> str:
    return paragraphs(text, limit=limit, field="about", what="The text")


def test_one_line() -> None:
    assert line("  a \t b\n\u0000c  ") == "a b c"
    assert line("e\u0301") == "é"
    assert line("👩\u200d🚀 ok") == "👩\u200d🚀 ok"
    assert line("abc\u202edef") == "abcdef"
    assert line("x" * 20) == "x" * 20
    with pytest.raises(Invalid, match="The title can have at most 20 characters") as caught:
        line("x" * 21)
    assert caught.value.field == "title"
    with pytest.raises(Invalid, match="cannot be stored"):
        line("\ud800")


def test_paragraphs() -> None:
    assert block("\n a  b \r\n\r\n\r\n\r\nc\x07\n\n") == " a  b\n\nc"
    with pytest.raises(Invalid, match="at most 50"):
        block("x" * 51)


@given(st.text(max_size=400))
def test_any_text_is_bounded_or_refused(text: str) -> None:
    for clean, limit in ((line, 20), (block, 50)):
        try:
            result = clean(text)
        except Invalid:
            continue
        assert len(result) <= limit
        assert clean(result) == result
        assert all(c.isprintable() or c in "\n\t\u200d" for c in result)


@given(st.text(max_size=50))
def test_search_keys_do_not_change_again(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)


def test_search_keys_join_forms() -> None:
    assert search_key("ＡÉ ß ﬁ") == search_key("aé ss fi")
