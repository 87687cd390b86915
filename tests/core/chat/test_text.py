"""What is left of what people type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_core.chat.text import MAX_LENGTH, MAX_MARKS, clean
from metropole_core.errors import Invalid

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hello", "hello"),
        ("  a \t b\r\n c  ", "a b c"),
        ("cafe\u0301", "caf\u00e9"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("a\u2066b\u2069c\u200fd", "abcd"),
        ("a\u200bb", "a b"),
        ("nul\x00byte\x1b[31m", "nul byte [31m"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("\u200d\u200d\u200da\u200d\u200d\u200db", "a\u200db"),
        ("\ud800lone", "lone"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
def test_clean(typed: str, said: str) -> None:
    assert clean(typed) == said


def test_piled_up_marks_are_cut() -> None:
    zalgo = "Z" + "\u0335\u0321\u0322\u0327\u0328\u0316\u0317" * 20 + "a"
    said = clean(zalgo)
    assert sum(unicodedata.category(c) == "Mn" for c in said) <= MAX_MARKS
    assert said[-1] == "a"


@pytest.mark.parametrize(
    "typed", ["", " \n\t", "\u200b\u202e", "\u200d\u200c", "\u3164\u2800", "\u0301\u0302", "\x00"]
)
def test_nothing_to_see_is_empty(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean(typed)
    assert refused.value.code == "empty"


def test_length() -> None:
    assert clean("x" * MAX_LENGTH) == "x" * MAX_LENGTH
    assert clean(" " * 800 + "x") == "x"
    for typed in ("x" * (MAX_LENGTH + 1), "\ufdfa" * MAX_LENGTH * 4 + "x", " " * 10_000_000):
        with pytest.raises(Invalid) as refused:
            clean(typed)
        assert refused.value.code == "too_long"


@given(st.text(max_size=600))
def test_any_text(typed: str) -> None:
    try:
        said = clean(typed)
    except Invalid:
        return
    assert 1 <= len(said) <= MAX_LENGTH
    assert said == said.strip()
    assert "  " not in said
    assert all(c.isprintable() or c in "\u200c\u200d" for c in said)
    said.encode()
    assert clean(said) == said
