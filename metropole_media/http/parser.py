"""HTTP/1.1 request heads, without a socket: bytes in, heads out.

Written for safety: what could be read in two ways is refused, because a proxy before this server
may have read it in the other way (RFC 9112 section 11.2). A request never has a body here, so the
next one always begins after the empty line, and requests may be pipelined.

The outcome depends only on the bytes, never on how they were split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from metropole_media.http.encoding import wants_gzip
from metropole_media.http.origin import Request

MAX_HEAD = 8 * 1024
"""octets of a request line and its headers, with the empty line"""

MAX_HEADERS = 64

_END = b"\r\n\r\n"
_METHODS = {b"GET": "GET", b"HEAD": "HEAD", b"OPTIONS": "OPTIONS"}
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Greedy and without alternatives, so that no input makes it slow (RFC 9110 section 5.5).
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_TARGET = re.compile(rb"[!-\"$-~]+")
_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9_\-~][A-Za-z0-9_\-~./]*")
_ESCAPES = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*")
_ABSOLUTE = re.compile(rb"https?://[^/?#@]+((?:[/?].*)?)", re.IGNORECASE)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(?::[0-9]*)?")
_ZERO = re.compile(r"0+")
_FIRST = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~0123456789")


class BadHead(Exception):
    """A request that is refused. The connection is of no more use.

    Fields:
        status: 400, 405, 414, 431 or 505.
        sentence: what is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Head(NamedTuple):
    """A request head.

    Fields:
        prefix: first segment of the path, decoded; empty for "/" and "*".
        request: the request with the rest of the path.
        keep_alive: whether the connection stays open after the answer (never for HTTP/1.0).
        plain: whether a prebuilt answer fits as it is: a GET without a range, on a connection
            that stays open.
        gzip: whether the compressed form of an answer is wanted.
    """

    prefix: str
    request: Request
    keep_alive: bool
    plain: bool
    gzip: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A request line, read."""

    method: str
    prefix: str
    path: str
    query: str
    persistent: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The headers of a request, read. `raw` is how they came, with all line breaks around."""

    raw: bytes
    headers: Mapping[str, str]
    close: bool
    ranged: bool
    gzip: bool


class RequestParser:
    """Takes the octets of one connection and gives its request heads, in order.

    After `next_head()` answered None, less than `MAX_HEAD` octets are kept.
    """

    __slots__ = ("_block", "_buffer", "_dead", "_scanned")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._dead = False
        # A player sends the same headers with every request.
        self._block = _NO_HEADERS

    @property
    def buffered(self) -> int:
        """Octets that are not part of a head given out yet."""
        return len(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets. After an error they are ignored."""
        if not self._dead:
            self._buffer += data

    def whole(self, data: bytearray, size: int) -> Head | None:
        """Take octets that probably are one request with the headers of the one before; that is
        what players send. Its head; or None, and `next_head()` says what there is.

        Arguments:
            data: its first `size` octets are taken.
        """
        block = self._block
        if data.endswith(block.raw, 0, size) and not self._buffer and not self._dead:
            line = bytes(data[: size - len(block.raw)])
            if size <= MAX_HEAD and b"\n" not in line and line[:1].isalpha():
                try:
                    return _head(_line(line), block)
                except BadHead:
                    pass  # `next_head()` tells
        self.feed(memoryview(data)[:size])
        return None

    def next_head(self) -> Head | None:
        """The next head, or None until more octets come (and always after an error).

        Raises:
            BadHead: the request is refused. Whatever follows it is ignored.
        """
        if not self._buffer:
            return None
        try:
            return self._search(self._buffer)
        except BadHead:
            self._dead = True
            self._buffer.clear()
            raise

    def _search(self, buffer: bytearray) -> Head | None:
        if buffer[0] not in _FIRST:
            # Told at once, so that a TLS client on the plain port need not run into a time-out.
            raise BadHead(400, "this is not HTTP/1.1")
        end = buffer.find(_END, self._scanned, MAX_HEAD)
        if end < 0:
            if len(buffer) >= MAX_HEAD:
                if buffer.find(b"\r\n", 0, MAX_HEAD) < 0:
                    raise BadHead(414, f"the request line is longer than {MAX_HEAD} octets")
                raise BadHead(431, f"the request head is longer than {MAX_HEAD} octets")
            self._scanned = max(0, len(buffer) - len(_END) + 1)
            return None
        whole = bytes(buffer[: end + len(_END)])
        del buffer[: len(whole)]
        self._scanned = 0
        size = whole.index(b"\r\n")
        read = _line(whole[:size])
        self._block = _read_block(whole[size:])
        return _head(read, self._block)


# Very many players ask for the same part at the same time, and most with the same headers. What
# was read is kept for all connections, a few megabytes at most.


@lru_cache(maxsize=512)
def _head(line: _Line, block: _Block) -> Head:
    if line.persistent and "host" not in block.headers:
        raise BadHead(400, "the Host header is missing")
    request = Request(line.method, line.path, line.query, block.headers)
    stays = line.persistent and not block.close
    plain = stays and not block.ranged and line.method == "GET"
    return Head(line.prefix, request, stays, plain, block.gzip)


@lru_cache(maxsize=512)
def _line(line: bytes) -> _Line:
    """A request line (RFC 9112 section 3)."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadHead(400, "the request line is not METHOD TARGET VERSION")
    method_bytes, target, version = parts
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        if _VERSION.fullmatch(version):
            raise BadHead(505, "HTTP/1.1 is spoken here")
        raise BadHead(400, "the request line ends with no HTTP version")
    method = _METHODS.get(method_bytes)
    if method is None:
        if _TOKEN.fullmatch(method_bytes):
            raise BadHead(405, "only GET and HEAD are answered here")
        raise BadHead(400, "the method is no token")
    return _Line(method, *_read_target(target, method), version == b"HTTP/1.1")


def _read_target(target: bytes, method: str) -> tuple[str, str, str]:
    """First segment, rest of the path, query (RFC 9112 section 3.2)."""
    if target == b"*" and method == "OPTIONS":
        return "", "", ""
    if not _TARGET.fullmatch(target):
        raise BadHead(400, "the target holds octets that an URL cannot hold")
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise BadHead(400, "the target is no path")
        target = absolute[1] if absolute[1].startswith(b"/") else b"/" + absolute[1]
    raw, _, query = target.partition(b"?")
    if not _PLAIN_PATH.fullmatch(raw):
        raw = _decode(raw)
    path = raw.decode("utf-8")
    if "/." in path and any(part in (".", "..") for part in path.split("/")):
        raise BadHead(400, "the path has dot segments")
    prefix, _, rest = path[1:].partition("/")
    return prefix, rest, query.decode("ascii")


def _decode(raw: bytes) -> bytes:
    """Percent-decode a path; what could be taken for something else is refused."""
    if not _ESCAPES.fullmatch(raw):
        raise BadHead(400, "the path has a broken percent escape")
    if b"%2f" in raw.lower():
        raise BadHead(400, "the path has an encoded slash")
    decoded = unquote_to_bytes(raw)
    if b"\\" in decoded or any(octet < 0x20 or octet == 0x7F for octet in decoded):
        raise BadHead(400, "the path has a control character or backslash")
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise BadHead(400, "the path is not UTF-8") from None
    return decoded


@lru_cache(maxsize=256)
def _read_block(raw: bytes) -> _Block:
    """Header lines (RFC 9112 section 5), without those that would give the request a body.

    Arguments:
        raw: with the line break before the first, and the empty line.
    """
    headers: dict[str, str] = {}
    options: set[str] = set()
    lines = raw.split(b"\r\n")[1:-2]
    if len(lines) > MAX_HEADERS:
        raise BadHead(431, f"more than {MAX_HEADERS} headers")
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            if line[:1] in (b" ", b"\t"):
                raise BadHead(400, "folded headers are obsolete and refused")
            raise BadHead(400, "a header line is malformed")
        name = match[1].decode("ascii").lower()
        value = match[2].decode("latin-1").strip(" \t")
        if name in ("host", "content-length") and name in headers:
            raise BadHead(400, f"the header {name} is there twice")
        if name == "connection":
            options.update(option.strip(" \t").lower() for option in value.split(","))
        if name == "accept-encoding" and name in headers:
            value = f"{headers[name]}, {value}"
        headers[name] = value
    if "transfer-encoding" in headers or not _ZERO.fullmatch(headers.get("content-length", "0")):
        raise BadHead(400, "a request with a body is not taken here")
    if not _HOST.fullmatch(headers.get("host", "")):
        raise BadHead(400, "the Host header is malformed")
    ranged = "range" in headers
    gzip = wants_gzip(headers.get("accept-encoding", ""), ranged=ranged)
    return _Block(raw, MappingProxyType(headers), "close" in options, ranged, gzip)


_NO_HEADERS = _read_block(_END)
