"""What people type into a chat: cleaned and bounded, refused with a sentence."""

from __future__ import annotations

import re
import unicodedata

from metropole_core.errors import Invalid

MAX_LENGTH = 500
"""Characters (code points) of a message."""
MAX_MARKS = 5
"""Combining marks on one character. Five are enough for Vietnamese, Hebrew with points and
Tibetan; what piles up more only covers the lines above and below."""

# Directions turn the text around them, separators break lines: UAX 9, section 2.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
# Joiners make letters of Persian, Indic scripts and emoji what they are, but only between others.
_JOINERS = "\u200c\u200d"
# They count as letters or symbols in Unicode and show nothing.
_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u034f"), " ")


def clean(text: str) -> str:
    """One line in Unicode's form C: without controls, turned directions and piled-up marks, white
    space joined.

    Raises:
        Invalid: nothing is left (code "empty"), or more than `MAX_LENGTH` characters ("too_long").
    """
    # Bounded before the work: normalisation makes some text up to 18 times longer.
    if len(text) > 4 * MAX_LENGTH:
        raise _too_long()
    text = _TURNING.sub("", unicodedata.normalize("NFC", text)).translate(_BLANK)
    text = " ".join("".join(_visible(text)).split())
    if not text.strip(_JOINERS + " ") or all(_is_mark(c) for c in text if c not in _JOINERS + " "):
        raise Invalid("The message is empty. Type something first.", code="empty", field="text")
    if len(text) > MAX_LENGTH:
        raise _too_long()
    return text


def _visible(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for char in text:
        if _is_mark(char):
            marks += 1
            if marks > MAX_MARKS:
                continue
        elif char in _JOINERS:
            if not kept or kept[-1] in _JOINERS:
                continue
        else:
            marks = 0
            # Lone surrogates are not printable either, so what is left can be encoded.
            char = char if char.isprintable() else " "
        kept.append(char)
    return kept


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me")


def _too_long() -> Invalid:
    return Invalid(
        f"A message can have at most {MAX_LENGTH} characters.", code="too_long", field="text"
    )
