"""What a player asks for with a playlist: the delivery directives.

Source: RFC 8216bis section 6.2.5.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

MAX_QUERY = 4096
"""Room for the signed grants that a CDN or a site puts beside the directives."""
MAX_DIGITS = 12


class BadDirective(ValueError):
    """The query cannot be answered; the sentence says why."""


class Directives(NamedTuple):
    """What to wait for.

    Fields:
        segment: media sequence number, None for no wait.
        part: index within the segment, None for the whole segment.
        skip: whether a delta update will do.
    """

    segment: int | None = None
    part: int | None = None
    skip: bool = False


NONE = Directives()
SKIP = ("YES", "v2")
"""v2 allows for date ranges to be left out as well, of which there are none."""


@lru_cache(maxsize=256)  # every player of a stream asks for the same
def parse_directives(query: str) -> Directives:
    """Read a raw query string. Other parameters are left to others; whoever wishes for another
    kind of delta update gets the whole playlist, as from a server that knows none.

    Raises:
        BadDirective: not a number, a part without a segment, a directive twice, or too long.
    """
    if not query:
        return NONE
    if len(query) > MAX_QUERY:
        raise BadDirective("the query is too long")
    found: dict[str, int] = {}
    skip: str | None = None
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == "_HLS_skip":
            if skip is not None:
                raise BadDirective("_HLS_skip is given twice")
            skip = value
        if name not in ("_HLS_msn", "_HLS_part"):
            continue
        if name in found:
            raise BadDirective(f"{name} is given twice")
        if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
            raise BadDirective(f"{name} is not a number")
        found[name] = int(value)
    segment, part = found.get("_HLS_msn"), found.get("_HLS_part")
    if segment is None and part is not None:
        raise BadDirective("_HLS_part needs _HLS_msn")
    return Directives(segment, part, skip in SKIP)
