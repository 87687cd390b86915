"""Finding a secret in whatever it may have been turned into on its way."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Characters of a piece of a secret that could not stand there by chance."""


def traces(secret: str) -> Iterator[str]:
    """Every form of a secret that is looked for: as it is, percent-encoded, in hex, in base64 at
    any place of a longer text, backwards, and each half of it."""
    half = len(secret) // 2
    pieces = [secret]
    if half >= SHORTEST:
        pieces += [secret[:half], secret[half:]]
    for piece in pieces:
        yield piece
        yield piece[::-1]
        yield quote(piece, safe="")
        yield quote_plus(piece)
        yield piece.encode().hex()
        yield piece.encode().hex().upper()
        for before in range(3):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                # What stands at the edges depends on the neighbours.
                text = encode(b"\0" * before + piece.encode()).decode().rstrip("=")
                inner = text[(0, 2, 3)[before] : -1]
                if len(inner) >= SHORTEST:
                    yield inner


def found(secret: str, text: str) -> list[str]:
    """Which traces of the secret are in the text; with what stands around them."""
    there = []
    for trace in dict.fromkeys(traces(secret)):
        at = text.find(trace)
        if at >= 0:
            there.append(text[max(0, at - 80) : at + len(trace) + 20])
    return there
