"""The request parser: what it takes, what it refuses, and that neither depends on the splitting."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metropole_media.http.parser import MAX_HEAD, MAX_HEADERS, BadHead, Head, RequestParser

Outcome = list[tuple[str, object]]


def parse(pieces: list[bytes], *, quick: bool = False) -> Outcome:
    """Everything the parser says, looked at after each piece.

    Arguments:
        quick: give it each piece as the listener does to a connection that has nothing to do.
    """
    parser = RequestParser()
    outcome: Outcome = []
    for piece in pieces:
        if quick:
            head = parser.whole(bytearray(piece) + b"left over", len(piece))
            if head is not None:
                outcome.append(("head", head))
                continue
        else:
            parser.feed(piece)
        while True:
            try:
                head = parser.next_head()
            except BadHead as error:
                outcome.append(("bad", (error.status, error.sentence)))
                break
            if head is None:
                break
            outcome.append(("head", head))
        assert parser.buffered < MAX_HEAD
    return outcome


def one(text: str) -> Head:
    (kind, head), *rest = parse([text.encode("latin-1")])
    assert kind == "head", head
    assert isinstance(head, Head)
    assert not rest
    return head


def refused(raw: bytes) -> int:
    kind, error = parse([raw])[-1]
    assert kind == "bad"
    assert isinstance(error, tuple)
    assert error[0] in (400, 405, 414, 431, 505)
    return int(error[0])


def get(target: str = "/hls/x", *headers: str, version: str = "HTTP/1.1") -> bytes:
    lines = [f"GET {target} {version}", "Host: a", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def test_a_request_is_read() -> None:
    head = one("GET /hls/ab/v0.m3u8?_HLS_msn=3 HTTP/1.1\r\nHost: a:80\r\nAccept:\t*/* \r\n\r\n")
    assert head.prefix == "hls"
    assert head.request.path == "ab/v0.m3u8"
    assert head.request.query == "_HLS_msn=3"
    assert head.request.headers == {"host": "a:80", "accept": "*/*"}
    assert head.keep_alive
    assert head.plain


@pytest.mark.parametrize(
    ("target", "prefix", "path", "query"),
    [
        ("/", "", "", ""),
        ("/hls", "hls", "", ""),
        ("/hls/", "hls", "", ""),
        ("/hls/a%20b", "hls", "a b", ""),
        ("/hls/%C3%A9", "hls", "\u00e9", ""),
        ("/hls/a.b/..c", "hls", "a.b/..c", ""),
        ("/hls/x?a=/../%zz", "hls", "x", "a=/../%zz"),
        ("http://media.example:81/hls/x?y", "hls", "x", "y"),
        ("http://media.example", "", "", ""),
        ("http://media.example?q", "", "", "q"),
        ("//hls/x", "", "hls/x", ""),
    ],
)
def test_targets(target: str, prefix: str, path: str, query: str) -> None:
    head = one(get(target).decode("latin-1"))
    assert (head.prefix, head.request.path, head.request.query) == (prefix, path, query)


@pytest.mark.parametrize(
    ("headers", "version", "keep_alive", "plain"),
    [
        ((), "HTTP/1.1", True, True),
        (("Connection: keep-alive",), "HTTP/1.1", True, True),
        (("Connection: Close",), "HTTP/1.1", False, False),
        (("Connection: a , close",), "HTTP/1.1", False, False),
        (("Connection: close", "Connection: keep-alive"), "HTTP/1.1", False, False),
        (("Range: bytes=0-1",), "HTTP/1.1", True, False),
        (("Connection: keep-alive",), "HTTP/1.0", False, False),
    ],
)
def test_what_happens_to_the_connection(
    headers: tuple[str, ...], version: str, keep_alive: bool, plain: bool
) -> None:
    head = one(get("/x", *headers, version=version).decode())
    assert (head.keep_alive, head.plain) == (keep_alive, plain)


def test_other_methods_that_are_known() -> None:
    assert one("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n").request.method == "HEAD"
    assert not one("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n").plain
    assert one("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.method == "OPTIONS"
    assert one("GET /x HTTP/1.0\r\n\r\n").request.headers == {}


def test_a_body_of_no_length_is_no_body() -> None:
    assert one("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").keep_alive


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        # The request line
        (b"\x16\x03\x01", 400),
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\r\nHost: a\r\n\r\n", 400),
        (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        # The target
        (get("*"), 400),
        (get("hls/x"), 400),
        (get("ftp://a/x"), 400),
        (get("http://user@a/x"), 400),
        (get("/x#y"), 400),
        (get("/x\x80"), 400),
        (get("/x\x00"), 400),
        (get("/%zz"), 400),
        (get("/%2"), 400),
        (get("/%"), 400),
        (get("/%00"), 400),
        (get("/%0d%0aX"), 400),
        (get("/%7f"), 400),
        (get("/a%2fb"), 400),
        (get("/a%2F..%2Fb"), 400),
        (get("/a\\b"), 400),
        (get("/%5c"), 400),
        (get("/%ff"), 400),
        (get("/.."), 400),
        (get("/hls/../x"), 400),
        (get("/hls/./x"), 400),
        (get("/hls/%2e%2e/x"), 400),
        (get("/hls/.%2E"), 400),
        # Headers
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (get("/", "Folded: a", " b"), 400),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        (get("/", "Name : a"), 400),
        (get("/", ": a"), 400),
        (get("/", "no colon"), 400),
        (get("/", "X: a\x00b"), 400),
        (get("/", "X: a\nY: b"), 400),
        (get("/", "X: a\rY: b"), 400),
        (get("/", "X\u00e9: a"), 400),
        # What makes one server see a body where another sees the next request
        (get("/", "Content-Length: 5") + b"GET /", 400),
        (get("/", "Content-Length: 0", "Content-Length: 5"), 400),
        (get("/", "Content-Length: 0", "Content-Length: 0"), 400),
        (get("/", "Content-Length: +0"), 400),
        (get("/", "Content-Length: -0"), 400),
        (get("/", "Content-Length: 0x0"), 400),
        (get("/", "Content-Length: 0, 5"), 400),
        (get("/", "Content-Length:"), 400),
        (get("/", "Content-Length: \u00b2"), 400),
        (get("/", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (get("/", "Transfer-Encoding: identity"), 400),
        (get("/", "Transfer-Encoding: xchunked", "Content-Length: 0"), 400),
        (get("/", "Transfer-Encoding:"), 400),
        (get("/", "Transfer-Encoding : chunked"), 400),
        (get("/", "Transfer-Encoding: chunked", version="HTTP/1.0"), 400),
        # Sizes
        (b"GET /" + b"a" * MAX_HEAD, 414),
        (get("/", "X: " + "a" * MAX_HEAD), 431),
        (get("/", *["a:"] * MAX_HEADERS), 431),
    ],
)
def test_what_is_refused(raw: bytes, status: int) -> None:
    assert refused(raw) == status


def test_the_largest_head_is_taken_and_one_octet_more_is_not() -> None:
    fixed = len(get("/", "X: "))
    filled = "a" * (MAX_HEAD - fixed)
    assert one(get("/", "X: " + filled).decode()).request.headers["x"] == filled
    assert refused(get("/", "X: a" + filled)) == 431
    assert len(one(get("/", *["a:"] * (MAX_HEADERS - 1)).decode()).request.headers) == 2


def test_nothing_is_read_after_a_refused_request() -> None:
    outcome = parse([get("/1"), b"POST / HTTP/1.1\r\n\r\n" + get("/2"), get("/3")])
    assert [kind for kind, _ in outcome] == ["head", "bad"]


def test_pipelined_requests_come_in_order() -> None:
    outcome = parse([b"".join(get(f"/{number}") for number in range(100))])
    assert [head.prefix for _, head in outcome if isinstance(head, Head)] == [
        str(number) for number in range(100)
    ]


def test_the_same_headers_are_read_once_and_others_anew() -> None:
    outcome = parse([get("/1", "A: 1") + get("/2", "A: 1") + get("/3", "A: 2")])
    first, second, third = (head.request for _, head in outcome if isinstance(head, Head))
    assert first.headers is second.headers
    assert third.headers == {"host": "a", "a": "2"}


@given(
    st.lists(
        st.sampled_from(
            [
                get("/a"), get("/b", "A: 1"), get("/b", "A: 2"), get("/c", "Range: bytes=0-"),
                get("/%zz"), get("/" + "d" * 5000), get("/e", "A: " + "1" * 5000), get("/f", ": c"),
                b"\r\n\r\n", b"GET /g HTTP/1.0\r\n\r\n", b"GET /h HTTP/1.1\r\n\r\n", get("/a") * 2,
                b"POST /i HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: a\r\n\r",
                get("/" + "d" * 5000, "A: " + "1" * 5000),
                b"\n", b"\nHost: a\r\n\r\n", b"1" + get("/a"), b" " + get("/a"),
            ]
        ),
        max_size=8,
    )
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_the_quick_way_says_the_same(pieces: list[bytes]) -> None:
    assert parse(pieces, quick=True) == parse(pieces) == parse([b"".join(pieces)])


def test_no_input_makes_it_slow() -> None:
    hostile = [
        get("/", "X:" + " " * 8000),
        get("/", "X:" + " " * 4000 + "\x00" + " " * 3900),
        get("/" + "%41" * 2600),
        get("/" + "/." * 4000),
        b"GET /" + b"%" * 8000 + b" HTTP/1.1\r\n\r\n",
    ]
    started = time.process_time()
    for raw in hostile:
        parse([raw])
        parse([raw[at : at + 7] for at in range(0, len(raw), 7)])
    assert time.process_time() - started < 2


TOKENS = [
    b"GET", b"HEAD", b"OPTIONS", b"POST", b" ", b"/", b"/hls", b"*", b"HTTP/1.1", b"HTTP/1.0",
    b"\r\n", b"\r\n\r\n", b"\r", b"\n", b":", b"Host: a", b"Host: b\r\n", b"Content-Length: 0",
    b"Transfer-Encoding: chunked", b"Connection: close", b"Range: bytes=0-", b"..", b"%2e", b"%",
    b"a" * 4000, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00", b"\xff", b"?", b"#", b"\t",
]  # fmt: skip
STREAMS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(TOKENS), max_size=25).map(b"".join),
    st.lists(
        st.one_of(
            st.sampled_from([get(), get("/y", "Range: bytes=1-"), get("/z", "Content-Length: 1")]),
            st.binary(max_size=40),
        ),
        max_size=8,
    ).map(b"".join),
)


@given(STREAMS, st.lists(st.integers(0, 200) | st.integers(0, 20_000), max_size=30))
@example(get("/" + "a" * 50) + get(), [70])
@example(b"GET /" + b"a" * (MAX_HEAD - 5), [MAX_HEAD - 1])
@example(get("/", "X: " + "a" * MAX_HEAD), [MAX_HEAD - 3, MAX_HEAD])
@settings(max_examples=400, deadline=None)
def test_any_octets_in_any_split(raw: bytes, cuts: list[int]) -> None:
    whole = parse([raw])
    places = sorted({min(cut, len(raw)) for cut in cuts})
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert parse(pieces) == whole
    assert parse(pieces, quick=True) == parse([raw], quick=True) == whole
    if len(raw) < 600:
        assert parse([raw[at : at + 1] for at in range(len(raw))]) == whole
    bad = [index for index, (kind, _) in enumerate(whole) if kind == "bad"]
    assert bad in ([], [len(whole) - 1])


SEGMENT = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_-~", min_size=1, max_size=12)


@given(
    st.sampled_from(["GET", "HEAD"]),
    st.lists(SEGMENT, min_size=1, max_size=4),
    st.text("abc=&_%/?", max_size=20),
    st.dictionaries(
        SEGMENT.map(lambda name: "x-" + name.lower()),
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
        max_size=6,
    ),
)
def test_a_round_trip(
    method: str, segments: list[str], query: str, headers: dict[str, str]
) -> None:
    lines = [f"{method} /{'/'.join(segments)}?{query} HTTP/1.1", "Host: a"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = one("\r\n".join(lines) + "\r\n\r\n")
    assert head.request.method == method
    assert [head.prefix, *head.request.path.split("/")][: len(segments)] == segments
    assert head.request.query == query
    assert head.request.headers == {"host": "a", **headers}
