"""What is served under a prefix of the media port, without a socket: a request in, an answer out.

An origin answers at once, or with a `Pending` that it releases later (a blocked playlist
reload). One `Pending` serves every client that waits for the same thing: releasing it writes the
same prebuilt bytes to each, so a waiting player costs neither a task nor a future.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

REASONS = {
    200: "OK", 204: "No Content", 206: "Partial Content", 304: "Not Modified",
    400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    410: "Gone", 414: "URI Too Long", 416: "Range Not Satisfiable",
    429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


class Request(NamedTuple):
    """A GET or HEAD request.

    Fields:
        method: "GET" or "HEAD".
        path: what follows the origin's prefix, percent-decoded, without a leading slash.
        query: the raw query string, without "?".
        headers: by lower-case name; the last of a repeated header wins.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class _Made:
    """What was made of an answer so far. `date` and `wire` belong together."""

    head: bytes = b""
    date: bytes | None = None
    wire: bytes = b""
    forms: dict[bool, Response] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, kept whole so that it is serialised once and written many times.

    Fields:
        status: HTTP status.
        body: the bytes.
        headers: (name, value) pairs without Content-Length, Connection, Date, Vary and
            Content-Encoding.
        gzip: the body compressed, or a function that compresses it when somebody first wants it
            (called once; nobody pays where nobody asks). None: there is only one form.

    Who sends an answer asks for its `form()` first.
    """

    status: int
    body: bytes | memoryview = b""
    headers: tuple[tuple[str, str], ...] = ()
    gzip: bytes | Callable[[], bytes] | None = field(default=None, repr=False, compare=False)
    _made: _Made = field(default_factory=_Made, init=False, repr=False, compare=False)

    def form(self, gzip: bool) -> Response:
        """The answer as it is sent: compressed if that is wanted and there is such a form.

        With two forms, both tell caches what they depend on (RFC 9110 section 12.5.5). The answer
        has no further form; it is made once and always the same object, with its own `wire()`.
        """
        if self.gzip is None:
            return self
        forms = self._made.forms
        form = forms.get(gzip)
        if form is None:
            headers = (*self.headers, ("Vary", "Accept-Encoding"))
            body = self.body
            if gzip:
                headers = (*headers, ("Content-Encoding", "gzip"))
                body = self.gzip if isinstance(self.gzip, bytes) else self.gzip()
            form = forms[gzip] = Response(self.status, body, headers)
        return form

    @property
    def head(self) -> bytes:
        """Status line and headers, each with its line break, without the empty line.

        Raises:
            ValueError: a header holds a line break, or a character outside Latin-1.
        """
        made = self._made
        if not made.head:
            lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
            lines += [f"{name}: {value}" for name, value in self.headers]
            if self.status not in (204, 304):  # RFC 9110 section 8.6
                lines.append(f"Content-Length: {len(self.body)}")
            if any("\r" in line or "\n" in line for line in lines):
                raise ValueError("a header holds a line break")
            made.head = ("\r\n".join(lines) + "\r\n").encode("latin-1")
        return made.head

    def wire(self, date: bytes) -> bytes:
        """Head and body as sent on a connection that stays open, kept for others.

        Arguments:
            date: a header line with its line break; the same object while it holds, so that
                an answer is put together anew at most once a second.
        """
        made = self._made
        if made.date is not date:
            made.wire = b"".join((self.head, date, b"\r\n", self.body))
            made.date = date
        return made.wire


class Pending:
    """An answer that is not known yet, shared by all who wait for it.

    Arguments:
        timeout: seconds after which the listener calls `expired()` for a client that still waits.
        expired: makes the answer for such a client.

    Fields:
        answer: what it was released with.
    """

    __slots__ = ("_waiting", "answer", "expired", "timeout")

    def __init__(self, timeout: float, expired: Callable[[], Response]) -> None:
        self.timeout = timeout
        self.expired = expired
        self.answer: Response | None = None
        self._waiting: dict[int, Callable[[Response], None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, token: int, respond: Callable[[Response], None]) -> None:
        """Wait under a token of the caller's; answered at once if released already.

        The token is `id()` of the object that waits, so that listeners do not collide.
        `respond` must not raise, and must not ask an origin for anything in the call.
        """
        if self.answer is not None:
            respond(self.answer)
        else:
            self._waiting[token] = respond

    def discard(self, token: int) -> None:
        """The client of that token no longer waits."""
        self._waiting.pop(token, None)

    def release(self, response: Response) -> None:
        """Answer everyone who waits, and all who come later."""
        self.answer = response
        waiting, self._waiting = self._waiting, {}
        for respond in waiting.values():
            respond(response)


class Origin(Protocol):
    """Something that answers requests under a prefix."""

    def handle(self, request: Request) -> Response | Pending:
        """Answer, or say that the answer comes later. Must not block or raise."""
