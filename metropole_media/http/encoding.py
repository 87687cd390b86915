"""Whether a client wants an answer compressed (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import re

_ITEM = re.compile(
    r"([!#$%&'*+\-.^_`|~0-9a-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def wants_gzip(accept_encoding: str, *, ranged: bool = False) -> bool:
    """Whether gzip is the form to send to who sent this Accept-Encoding.

    Gzip wins over the plain form when it is accepted and not the less liked of the two. A client
    that says nothing gets the plain form: so did all clients before there was a choice. An item
    that cannot be read counts as not there.

    Arguments:
        accept_encoding: the header's value, of all its lines; empty if it is not there.
        ranged: the request has a range. Ranges are of the plain form, so that this is sent unless
            it is refused.
    """
    if not accept_encoding:
        return False
    weights: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        match = _ITEM.fullmatch(item.strip(" \t"))
        if match is not None:
            coding = "gzip" if match[1] == "x-gzip" else match[1]
            weights[coding] = 1.0 if match[2] is None else float(match[2])
    others = weights.get("*", 0.0)
    gzip = weights.get("gzip", others)
    plain = weights.get("identity", weights.get("*"))
    if gzip == 0:
        return False
    if plain is None:
        # Not named: acceptable, and less liked than what is named.
        return not ranged
    return plain == 0 or (gzip >= plain and not ranged)
