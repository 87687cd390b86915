"""The listener on real sockets: answers, order, waiting players."""

from __future__ import annotations

import asyncio
import logging
import socket
from itertools import pairwise

import pytest

from metropole_media.http.listener import Listener
from metropole_media.http.origin import Response

from .conftest import ANYONE, Serve, Shelf, until


async def test_requests_on_one_connection(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    for _ in range(3):
        client.get("/shelf/text?a=b")
        status, headers, body = await client.answer()
        assert (status, body) == (200, b"0123456789")
        assert headers["content-type"] == "text/plain"
        assert "connection" not in headers
    assert server.shelf.seen[0].query == "a=b"
    assert server.listener.stats.accepted == 1
    assert server.listener.stats.requests == 3


async def test_the_connection_closes_when_the_client_says_so(serve: Serve) -> None:
    server = await serve()
    for options in ({"version": "1.0"}, {}):
        client = await server.client()
        headers = () if options else ("Connection: close",)
        client.get("/shelf/text", *headers, **options)
        _, answered, body = await client.answer()
        assert answered["connection"] == "close"
        assert body == b"0123456789"
        assert await client.closed() == b""


async def test_head_has_the_headers_and_no_body(serve: Serve) -> None:
    client = await (await serve()).client()
    client.get("/shelf/text", method="HEAD")
    client.get("/shelf/big", method="HEAD")
    client.get("/shelf/text")
    status, headers, _ = await client.answer(body=False)
    assert (status, headers["content-length"]) == (200, "10")
    _, headers, _ = await client.answer(body=False)
    assert headers["content-length"] == str(256 * 12_000)
    assert (await client.answer())[2] == b"0123456789"


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("BYTES=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
        ("bytes=a-", 200, b"0123456789", None),
    ],
)
async def test_ranges(
    serve: Serve, wanted: str, status: int, body: bytes, content_range: str | None
) -> None:
    client = await (await serve()).client()
    client.get("/shelf/text", f"Range: {wanted}")
    answered, headers, got = await client.answer()
    assert (answered, got, headers.get("content-range")) == (status, body, content_range)
    assert headers["access-control-allow-origin"] == "*"


async def test_a_range_with_a_condition_or_of_a_failure_is_the_whole(serve: Serve) -> None:
    client = await (await serve()).client()
    client.get("/shelf/text", "Range: bytes=1-", 'If-Range: "a"')
    assert (await client.answer())[0] == 200
    client.get("/shelf/gone", "Range: bytes=0-")
    assert (await client.answer())[0] == 404


async def test_the_listeners_own_answers_can_be_read_by_any_page(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    client.get("/elsewhere")
    status, headers, body = await client.answer()
    assert (status, headers["access-control-allow-origin"]) == (404, "*")
    assert body == b"there is nothing here\n"
    client.get("/shelf/text", "Access-Control-Request-Method: GET", method="OPTIONS")
    status, headers, body = await client.answer()
    assert (status, headers["access-control-allow-origin"], body) == (204, "*", b"")
    assert headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "content-length" not in headers
    client.get("/shelf/text", method="POST")
    status, headers, _ = await client.answer()
    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert headers["access-control-allow-origin"] == "*"
    assert headers["connection"] == "close"
    assert await client.closed() == b""
    assert server.shelf.seen == []


async def test_a_refused_request_gets_its_answer_though_more_is_sent(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    client.send(b"POST /shelf/text HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
    client.send(b"x" * 900_000)
    assert (await client.answer())[0] == 405
    assert await client.closed() == b""


async def test_smuggled_requests_are_not_answered(serve: Serve) -> None:
    server = await serve()
    inner = b"GET /shelf/text HTTP/1.1\r\nHost: a\r\n\r\n"
    for framing in (b"Content-Length: %d" % len(inner), b"Transfer-Encoding: chunked"):
        client = await server.client()
        client.send(b"GET /shelf/gone HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + inner)
        status, _, _ = await client.answer()
        assert status == 400
        assert await client.closed() == b""
    assert server.shelf.seen == []


async def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    for number in range(50):
        server.shelf.answers[str(number)] = Response(200, str(number).encode() * 1000)
        client.get(f"/shelf/{number}")
    for number in range(50):
        assert (await client.answer())[2] == str(number).encode() * 1000


async def test_a_split_request_is_put_together(serve: Serve) -> None:
    client = await (await serve()).client()
    for octet in b"GET /shelf/text HTTP/1.1\r\nHost: a\r\n\r\n":
        client.send(bytes([octet]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.answer())[0] == 200


async def test_a_long_body_arrives_whole(serve: Serve) -> None:
    server = await serve(write_chunk=10_000)
    client = await server.client()
    for _ in range(2):
        client.get("/shelf/big")
        assert (await client.answer())[2] == server.shelf.answers["big"].body
    client.get("/shelf/big", "Connection: close")
    client.get("/shelf/text")
    assert (await client.answer())[2] == server.shelf.answers["big"].body
    assert await client.closed() == b""


async def test_a_client_that_closes_its_side_still_gets_its_answers(serve: Serve) -> None:
    server = await serve(write_chunk=10_000)
    client = await server.client()
    client.get("/shelf/big")
    client.get("/shelf/text")
    client.writer.write_eof()
    assert (await client.answer())[2] == server.shelf.answers["big"].body
    assert (await client.answer())[2] == b"0123456789"
    assert await client.closed() == b""
    await until(lambda: server.listener.stats.connections == 0)


async def test_clients_that_leave_with_the_last_octet_leave_no_error(serve: Serve) -> None:
    server = await serve()
    size = len(server.shelf.answers["big"].body)

    def fetch() -> None:
        with socket.create_connection(("127.0.0.1", server.listener.port), 10) as client:
            client.sendall(b"GET /shelf/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            left = size
            while left:
                left -= len(client.recv(left))

    troubles: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: troubles.append(context))
    try:
        for _ in range(100):
            await asyncio.to_thread(fetch)
        await until(lambda: server.listener.stats.connections == 0)
    finally:
        loop.set_exception_handler(None)
    assert troubles == []


# Origins that break their contract


@pytest.mark.parametrize("path", ["raise", "nothing", "split"])
async def test_a_failing_origin_costs_only_that_answer(
    serve: Serve, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve()
    client, other = await server.client(), await server.client()
    other.get("/shelf/wait")
    await until(lambda: server.listener.stats.waiters == 1)
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            client.get(f"/shelf/{path}")
            status, headers, _ = await client.answer()
            assert (status, headers["access-control-allow-origin"]) == (500, "*")
    assert len(caplog.records) == 1
    assert "/shelf failed" in caplog.text
    assert server.listener.stats.failures == 20
    client.get("/shelf/text")
    assert (await client.answer())[0] == 200
    server.shelf.pending.release(server.shelf.answers["text"])
    assert (await other.answer())[0] == 200


async def test_prefixes_are_plain_and_mounted_once() -> None:
    listener = Listener({"a": Shelf()})
    for prefix in ("a", "", "a/b", "..", "a b"):
        with pytest.raises(ValueError, match=r"plain path segment|taken"):
            listener.mount(prefix, Shelf())


# Waiting


async def test_a_released_answer_goes_to_all_who_wait(serve: Serve) -> None:
    server = await serve()
    clients = [await server.client() for _ in range(5)]
    clients[0].get("/shelf/wait", method="HEAD")
    clients[1].get("/shelf/wait", "Range: bytes=1-2")
    clients[2].get("/shelf/wait", "Connection: close")
    clients[3].get("/shelf/wait")
    clients[4].get("/shelf/wait", version="1.0")
    await until(lambda: server.listener.stats.waiters == 5)
    server.shelf.pending.release(Response(200, b"part", (ANYONE,)))
    assert server.listener.stats.waiters == 0
    assert (await clients[0].answer(body=False))[1]["content-length"] == "4"
    assert (await clients[1].answer())[::2] == (206, b"ar")
    assert (await clients[2].answer())[1]["connection"] == "close"
    assert (await clients[3].answer())[2] == b"part"
    assert (await clients[4].answer())[2] == b"part"
    # Whoever comes later is answered at once.
    clients[3].get("/shelf/wait")
    assert (await clients[3].answer())[2] == b"part"


async def test_requests_queue_behind_one_that_waits(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    client.get("/shelf/text")
    client.get("/shelf/wait")
    client.get("/shelf/gone")
    client.get("/shelf/text")
    assert (await client.answer())[0] == 200
    await until(lambda: server.listener.stats.waiters == 1)
    assert len(server.shelf.seen) == 2
    server.shelf.pending.release(Response(200, b"part"))
    # Not in the call: an origin may be half way through a change.
    assert len(server.shelf.seen) == 2
    assert (await client.answer())[2] == b"part"
    assert (await client.answer())[0] == 404
    assert (await client.answer())[0] == 200


async def test_a_wait_ends_with_the_origins_own_answer(serve: Serve) -> None:
    server = await serve()
    pending = server.shelf.fresh(0.05)
    client = await server.client()
    client.get("/shelf/wait")
    client.get("/shelf/text")
    assert (await client.answer())[2] == b"unchanged"
    assert (await client.answer())[2] == b"0123456789"
    assert len(pending) == 0
    assert server.listener.stats.waits_expired == 1
    assert server.listener.stats.waiters == 0


async def test_no_origin_makes_a_client_wait_for_ever(serve: Serve) -> None:
    server = await serve(max_wait=0.05)
    server.shelf.fresh(1e9)
    client = await server.client()
    client.get("/shelf/wait")
    assert (await client.answer())[2] == b"unchanged"


async def test_an_expiry_that_fails_is_a_500(serve: Serve) -> None:
    server = await serve()
    server.shelf.fresh(0.01).expired = lambda: Response(1 // 0)
    client = await server.client()
    client.get("/shelf/wait")
    assert (await client.answer())[0] == 500


async def test_a_client_that_leaves_no_longer_waits(serve: Serve) -> None:
    server = await serve()
    client = await server.client()
    client.get("/shelf/wait")
    await until(lambda: len(server.shelf.pending) == 1)
    await client.close()
    await until(lambda: len(server.shelf.pending) == 0)
    assert server.listener.stats.waiters == 0


async def test_thousands_are_released_in_turns(serve: Serve) -> None:
    server = await serve(uncapped=(), max_per_address=4000)
    clients = [await server.client() for _ in range(3000)]
    for client in clients:
        client.get("/shelf/wait")
    await until(lambda: server.listener.stats.waiters == 3000, 30)
    before = server.listener.stats.octets
    body = b"#EXTM3U" * 200
    turns: list[int] = []

    def other_work() -> None:
        turns.append(server.listener.stats.octets - before)
        if turns[-1] < 3000 * len(body):
            loop.call_soon(other_work)

    loop = asyncio.get_running_loop()
    server.shelf.pending.release(Response(200, body, (ANYONE,)))
    assert server.listener.stats.waiters == 0
    loop.call_soon(other_work)
    for client in clients:
        assert (await client.answer())[2] == body
    wire = len(Response(200, body, (ANYONE,)).wire(server.listener.date))
    assert turns[0] <= 1000 * wire
    assert max(b - a for a, b in pairwise(turns)) <= 500 * wire
