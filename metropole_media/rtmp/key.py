"""Where encoders put the stream key: the stream name, or a query.

"rtmp://host/live" with the key as stream name is the usual form. Some services and scripts write
`name?key=...`, and some encoders only offer one field, so that the query stands behind the
application. A query that is not the key is dropped: it must not reach a log.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

NAMES = frozenset({"key", "streamkey", "stream_key"})
MAX_FIELDS = 16


def find_key(name: str, app: str, tc_url: str) -> str:
    """The stream key, or "" when there is none.

    A key in the query of the name wins, then the name itself, then a query of `app` or `tcUrl`.
    """
    plain, _, query = name.partition("?")
    found = _from_query(query)
    if found or plain:
        return found or plain.strip("/")
    return _from_query(app.partition("?")[2]) or _from_query(tc_url.partition("?")[2])


def _from_query(query: str) -> str:
    try:
        fields = parse_qsl(query, max_num_fields=MAX_FIELDS)
    except ValueError:
        return ""
    return next((value for name, value in fields if name.lower() in NAMES), "")
