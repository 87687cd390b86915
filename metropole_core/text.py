"""Text that people type: cleaned and bounded, refused with a sentence."""

from __future__ import annotations

import re
import unicodedata

from metropole_core.errors import Invalid

# Bidirectional controls turn the text around them; the separators break lines in scripts.
_FORBIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\u2028\u2029]")


def _checked(text: str, limit: int, field: str, what: str) -> str:
    # Bounded before the work: normalisation makes some text up to 18 times longer.
    if len(text) > 4 * limit + 100:
        raise Invalid(f"{what} can have at most {limit} characters.", field=field)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{what} holds characters that cannot be stored.", field=field) from None
    return _FORBIDDEN.sub("", unicodedata.normalize("NFC", text))


def one_line(text: str, *, limit: int, field: str, what: str) -> str:
    """A single line: white space joined, controls dropped.

    Arguments:
        limit: characters at most.
        field: of the form.
        what: begins the sentence ("The title").

    Raises:
        Invalid: it is longer.
    """
    text = _checked(text, limit, field, what)
    text = " ".join("".join(c if c.isprintable() or c == "\u200d" else " " for c in text).split())
    if len(text) > limit:
        raise Invalid(f"{what} can have at most {limit} characters.", field=field)
    return text


def paragraphs(text: str, *, limit: int, field: str, what: str) -> str:
    """Text of several lines: line ends made equal, at most one empty line in a row.

    Raises:
        Invalid: it is longer.
    """
    text = _checked(text.replace("\r\n", "\n").replace("\r", "\n"), limit, field, what)
    text = "".join(c for c in text if c == "\n" or c.isprintable() or c in "\t\u200d")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n")))
    text = text.strip("\n")
    if len(text) > limit:
        raise Invalid(f"{what} can have at most {limit} characters.", field=field)
    return text


def search_key(text: str) -> str:
    """How text is compared in searches: compatible forms joined, without case, and with a blank
    for what cannot be printed or stored."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def N_(message: str) -> str:  # noqa: N802 (gettext's own name, known to extractors)
    """Mark a message that is translated where it is shown."""
    return message
