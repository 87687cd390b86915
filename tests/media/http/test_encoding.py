"""Compressed answers: who gets one, and what it looks like on a real socket."""

from __future__ import annotations

import gzip

import pytest

from metropole_media.http.encoding import wants_gzip
from metropole_media.http.origin import Response

from .conftest import ANYONE, Serve, until

TEXT = b"#EXTM3U\n" * 500
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("accept", "plain", "ranged"),
    [
        ("", False, False),
        ("gzip", True, False),
        ("x-gzip", True, False),
        ("GZIP", True, False),
        ("deflate, gzip, br, zstd", True, False),
        ("gzip, deflate", True, False),
        ("br", False, False),
        ("identity", False, False),
        ("gzip;q=0", False, False),
        ("gzip ; q=0.000, *", False, False),
        ("gzip;q=0.001", True, False),
        ("gzip;q=0.5, identity;q=0.5", True, False),
        ("gzip;q=0.5, identity", False, False),
        ("gzip;q=0.5, identity;q=0.6", False, False),
        ("*", True, False),
        ("*;q=0", False, False),
        ("*;q=0.5, gzip;q=0.4", False, False),
        ("*;q=0.5, br", True, False),
        ("gzip, identity;q=0", True, True),
        ("gzip, *;q=0", True, True),
        ("gzip;q=0.1, *;q=0", True, True),
        ("identity;q=0", False, False),
        ("gzip;q=0, identity;q=0", False, False),
        # What cannot be read counts as not there.
        ("gzip;q=2", False, False),
        ("gzip;q=-1, gzip;level=9, ;, =", False, False),
        ("gzip;q=x, br", False, False),
        ("gzip;q=0.1234", False, False),
        (",, gzip ,", True, False),
    ],
)
def test_who_wants_it(accept: str, plain: bool, ranged: bool) -> None:
    assert wants_gzip(accept) is plain
    assert wants_gzip(accept, ranged=True) is ranged


def test_nothing_is_compressed_before_somebody_asks_and_then_once() -> None:
    calls: list[int] = []

    def compress() -> bytes:
        calls.append(1)
        return PACKED

    response = Response(200, TEXT, (ANYONE,), gzip=compress)
    assert response.form(False).body == TEXT
    assert calls == []
    assert response.form(True).body == PACKED
    assert response.form(True) is response.form(True)
    date = b"Date: x\r\n"
    assert response.form(True).wire(date) is response.form(True).wire(date)
    assert calls == [1]
    single = Response(200, TEXT)
    assert single.form(True) is single


async def test_both_forms(serve: Serve) -> None:
    server = await serve()
    server.shelf.answers["list"] = Response(200, TEXT, (ANYONE,), gzip=lambda: PACKED)
    client = await server.client()
    for accept, coding, body in (
        ("gzip, br", "gzip", PACKED),
        ("br", None, TEXT),
        ("gzip;q=0", None, TEXT),
        ("gzip", "gzip", PACKED),
    ):
        for method in ("GET", "HEAD"):
            client.get("/shelf/list", f"Accept-Encoding: {accept}", method=method)
            status, headers, got = await client.answer(body=method == "GET")
            assert (status, headers["vary"]) == (200, "Accept-Encoding")
            assert headers.get("content-encoding") == coding
            assert headers["content-length"] == str(len(body))
            assert got == (body if method == "GET" else b"")
    client.get("/shelf/list")
    _, headers, got = await client.answer()
    assert (headers["vary"], headers.get("content-encoding"), got) == (
        "Accept-Encoding",
        None,
        TEXT,
    )
    client.get("/shelf/list", "Accept-Encoding: br", "Accept-Encoding: gzip")
    assert (await client.answer())[2] == PACKED
    client.get("/shelf/text", "Accept-Encoding: gzip")
    _, headers, got = await client.answer()
    assert got == b"0123456789"
    assert "vary" not in headers
    assert "content-encoding" not in headers


async def test_ranges_are_of_the_plain_form(serve: Serve) -> None:
    server = await serve()
    server.shelf.answers["list"] = Response(200, TEXT, (ANYONE,), gzip=PACKED)
    client = await server.client()
    client.get("/shelf/list", "Accept-Encoding: gzip", "Range: bytes=1-3")
    status, headers, got = await client.answer()
    assert (status, got, headers["vary"]) == (206, TEXT[1:4], "Accept-Encoding")
    assert "content-encoding" not in headers
    client.get("/shelf/list", "Accept-Encoding: gzip, identity;q=0", "Range: bytes=1-3")
    status, headers, got = await client.answer()
    assert (status, got, headers["content-encoding"]) == (200, PACKED, "gzip")
    client.get("/shelf/text", "Accept-Encoding: gzip, identity;q=0", "Range: bytes=1-3")
    assert (await client.answer())[::2] == (206, b"123")


async def test_those_who_wait_get_the_form_they_want_and_each_is_made_once(serve: Serve) -> None:
    server = await serve()
    calls: list[int] = []

    def compress() -> bytes:
        calls.append(1)
        return PACKED

    clients = [await server.client() for _ in range(6)]
    for number, client in enumerate(clients):
        client.get("/shelf/wait", "Accept-Encoding: " + ("gzip" if number % 2 else "identity"))
    clients.append(await server.client())
    clients[6].get("/shelf/wait", "Accept-Encoding: gzip", "Connection: close")
    await until(lambda: server.listener.stats.waiters == 7)
    server.shelf.pending.release(Response(200, TEXT, (ANYONE,), gzip=compress))
    for number, client in enumerate(clients[:6]):
        _, headers, got = await client.answer()
        assert got == (PACKED if number % 2 else TEXT)
        assert headers.get("content-encoding") == ("gzip" if number % 2 else None)
    _, headers, got = await clients[6].answer()
    assert (headers["connection"], headers["content-encoding"], got) == ("close", "gzip", PACKED)
    assert calls == [1]


async def test_a_compressor_that_fails_is_a_500(serve: Serve) -> None:
    server = await serve()
    server.shelf.answers["list"] = Response(200, TEXT, gzip=lambda: bytes(1 // 0))
    client = await server.client()
    client.get("/shelf/list", "Accept-Encoding: gzip")
    assert (await client.answer())[0] == 500
    client.get("/shelf/list")
    assert (await client.answer())[2] == TEXT
