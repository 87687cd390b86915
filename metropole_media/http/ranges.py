"""Single byte ranges (RFC 9110 section 14)."""

from __future__ import annotations

import re

from metropole_media.http.origin import Request, Response

_RANGE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-([0-9]{1,15}))", re.IGNORECASE)


def apply_range(request: Request, response: Response) -> Response:
    """The part of an answer that was asked for.

    Only a GET that is answered 200 has ranges, and only the form that is not compressed. Several
    ranges, another unit or a condition (If-Range) give the whole answer, as the RFC allows.
    """
    wanted = request.headers.get("range")
    if wanted is None or response.status != 200 or request.method != "GET":
        return response
    match = _RANGE.fullmatch(wanted)
    if match is None or "if-range" in request.headers:
        return response
    size = len(response.body)
    first_text, last_text, suffix_text = match.groups()
    if suffix_text is not None:
        first, last = max(0, size - int(suffix_text)), size - 1
    else:
        first = int(first_text)
        last = min(int(last_text), size - 1) if last_text else size - 1
        if last_text and int(last_text) < first:
            return response
    if first >= size:
        kept = (pair for pair in response.headers if pair[0].lower().startswith("access-control-"))
        unmet = ("Content-Range", f"bytes */{size}")
        return Response(416, b"", (*kept, ("Cache-Control", "no-store"), unmet))
    headers = (*response.headers, ("Content-Range", f"bytes {first}-{last}/{size}"))
    # A view: who reads slowly holds no copy.
    return Response(206, memoryview(response.body)[first : last + 1], headers)
