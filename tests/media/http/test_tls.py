"""The listener over TLS, whose transport fills buffers in another way than a socket."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from metropole_media.http.connection import SENDING
from metropole_media.http.limits import ListenerLimits
from metropole_media.http.listener import Listener
from tests.support.certificate import self_signed

from .conftest import Server, Shelf, until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*self_signed(tmp_path))
    shelf = Shelf()
    listener = Listener({"shelf": shelf}, limits=ListenerLimits(sweep=0.02))
    await listener.start("127.0.0.1", 0, tls)
    running = Server(listener, shelf)
    yield running
    await running.close()


@pytest.fixture
def trusting(server: Server, tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tmp_path / "test.crt"))


async def test_records_that_arrive_together_are_all_read(
    server: Server, trusting: ssl.SSLContext
) -> None:
    client = await server.client(ssl=trusting)
    client.get("/shelf/text")
    assert (await client.answer())[0] == 200
    # Each in records of its own; both are there when the listener reads.
    client.get("/shelf/text?a")
    client.get("/shelf/text?b")
    for half in (b"GET /shelf/text?c HTTP/1.1\r\nHo", b"st: a\r\n\r\n"):
        client.send(half)
    for _ in range(3):
        assert (await client.answer())[2] == b"0123456789"
    assert [request.query for request in server.shelf.seen] == ["", "a", "b", "c"]
    assert not server.listener.stats.bad_requests


async def test_a_client_that_leaves_while_it_is_answered_asks_for_no_warning(
    server: Server, trusting: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    def connect() -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", server.listener.port), 10)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
        client.sendall(b"GET /shelf/big HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1)
        return client

    def leave(client: ssl.SSLSocket) -> None:
        with suppress(ssl.SSLError):  # the answer is still on its way
            client.unwrap()
        client.close()

    with caplog.at_level(logging.WARNING):
        client = await asyncio.to_thread(connect)
        (connection,) = server.listener._connections
        await until(lambda: connection._phase is SENDING)
        await asyncio.to_thread(leave, client)
        await until(lambda: not server.listener.stats.connections)
    assert not [each for each in caplog.messages if "eof_received" in each]


async def test_connections_are_counted_before_tls_is_spoken(
    server: Server, trusting: ssl.SSLContext
) -> None:
    most = server.listener.limits.max_per_address
    silent = [await server.client() for _ in range(most + 40)]

    def turned_away() -> int:
        return sum(client.reader.at_eof() for client in silent)

    await until(lambda: turned_away() == 40 - 16)  # so many more are there to be told why
    assert not server.listener.stats.connections
    for client in silent:
        await client.close()
    # All have left, so there is room again.
    client = await server.client(ssl=trusting)
    client.get("/shelf/text")
    assert (await client.answer())[0] == 200
    await client.close()
    await until(lambda: not server.listener.stats.connections)
    door = server.listener._server.sockets[0]._sock  # type: ignore[union-attr]
    assert (door._inside, dict(door._homes)) == (0, {})
