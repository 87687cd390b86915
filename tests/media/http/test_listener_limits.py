"""Every bound of the listener, reached on real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time

from metropole_media.http.origin import Response

from .conftest import Client, Serve, Server, until


async def connections(server: Server, number: int) -> list[Client]:
    clients = [await server.client() for _ in range(number)]
    await until(lambda: server.listener.stats.connections == number)
    return clients


async def test_connections_in_total(serve: Serve) -> None:
    server = await serve(max_connections=3)
    clients = await connections(server, 3)
    refused = await server.client()
    status, headers, body = await refused.answer()
    assert (status, headers["retry-after"], headers["connection"]) == (503, "5", "close")
    assert headers["access-control-allow-origin"] == "*"
    assert body == b"too many connections; try again\n"
    assert await refused.closed() == b""
    await refused.close()
    clients[0].get("/shelf/text")
    assert (await clients[0].answer())[0] == 200
    await clients[0].close()
    await until(lambda: server.listener.stats.connections == 2)
    again = await server.client()
    again.get("/shelf/text")
    assert (await again.answer())[0] == 200
    assert server.listener.stats.refused == 1


async def test_connections_of_one_address(serve: Serve) -> None:
    server = await serve(max_per_address=2)
    await connections(server, 2)
    refused = await server.client()
    assert (await refused.answer())[::2] == (503, b"too many connections from this address\n")
    other = await server.client(local_addr=("127.0.0.2", 0))
    other.get("/shelf/text")
    assert (await other.answer())[0] == 200


async def test_a_flood_from_one_address_is_cut_without_a_word(serve: Serve) -> None:
    server = await serve(max_per_address=2, linger=30)
    clients = [await server.client() for _ in range(60)]
    await until(lambda: server.listener.stats.refused == 58)
    await until(lambda: server.listener.stats.connections <= 18)
    assert len(clients) == 60


async def test_a_proxy_has_no_cap_of_its_own(serve: Serve) -> None:
    server = await serve(max_per_address=1, uncapped=(ipaddress.ip_network("127.0.0.0/8"),))
    for client in await connections(server, 5):
        client.get("/shelf/text")
        assert (await client.answer())[0] == 200


async def test_addresses_are_counted_by_network(serve: Serve) -> None:
    listener = (await serve()).listener
    name = listener._address
    assert name(("192.0.2.1", 5)) == name(("::ffff:192.0.2.1", 5, 0, 0)) == "192.0.2.1"
    assert name(("2001:db8::1", 5, 0, 0)) == name(("2001:db8::ffff:1", 5, 0, 0))
    assert name(("2001:db8::1", 5, 0, 0)) != name(("2001:db8:0:1::1", 5, 0, 0))
    assert name(None) == name("") == ""


async def test_nothing_is_kept_of_a_connection_that_is_gone(serve: Serve) -> None:
    server = await serve(max_per_address=2)
    for client in await connections(server, 2):
        await client.close()
    await until(lambda: server.listener.stats.connections == 0)
    assert server.listener._by_address == {}


async def test_waiters(serve: Serve) -> None:
    server = await serve(max_waiters=2)
    clients = await connections(server, 3)
    for client in clients[:2]:
        client.get("/shelf/wait")
    await until(lambda: server.listener.stats.waiters == 2)
    clients[2].get("/shelf/wait")
    status, headers, _ = await clients[2].answer()
    assert (status, headers["retry-after"]) == (503, "1")
    clients[2].get("/shelf/text")
    assert (await clients[2].answer())[0] == 200
    server.shelf.pending.release(Response(200, b"x"))
    for client in clients[:2]:
        assert (await client.answer())[0] == 200
    assert server.listener.stats.waits_refused == 1


async def test_an_idle_connection_is_closed(serve: Serve) -> None:
    server = await serve(idle_timeout=0.1)
    silent, used = await server.client(), await server.client()
    used.get("/shelf/text")
    await used.answer()
    assert await silent.closed() == b""
    assert await used.closed() == b""
    assert server.listener.stats.idle_closed == 2
    await until(lambda: server.listener.stats.connections == 0)


async def test_a_head_that_trickles_is_ended(serve: Serve) -> None:
    server = await serve(head_timeout=0.2, idle_timeout=30)
    client = await server.client()
    client.send(b"GET /shelf/text HTTP/1.1\r\n")
    started = time.monotonic()

    async def trickle() -> None:
        while True:
            client.send(b"X: y\r\n")
            await asyncio.sleep(0.02)

    task = asyncio.create_task(trickle())
    status, _, _ = await client.answer()
    task.cancel()
    assert status == 408
    assert 0.15 < time.monotonic() - started < 5


async def test_a_head_behind_an_answer_has_its_own_time(serve: Serve) -> None:
    server = await serve(head_timeout=0.2)
    client = await server.client()
    client.send(b"GET /shelf/text HTTP/1.1\r\nHost: a\r\n\r\nGET /shelf")
    assert (await client.answer())[0] == 200
    assert (await client.answer())[0] == 408


async def test_a_reader_that_takes_nothing_is_cut_off(serve: Serve) -> None:
    server = await serve(slow_timeout=0.3)
    body = bytes(40_000_000)
    server.shelf.answers["huge"] = Response(200, body)
    loop = asyncio.get_running_loop()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        await loop.sock_connect(slow, ("127.0.0.1", server.listener.port))
        await loop.sock_sendall(slow, b"GET /shelf/huge HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: server.listener.stats.octets > 0)
        (connection,) = server.listener._connections
        transport = connection._transport
        assert transport.get_write_buffer_size() <= 400_000
        other = await server.client()
        other.get("/shelf/text")
        assert (await other.answer())[0] == 200
        await until(lambda: server.listener.stats.slow_aborted == 1)
        await until(lambda: server.listener.stats.connections == 1)
        # No more left the process than buffers hold.
        assert server.listener.stats.octets < 5_000_000


async def test_a_reader_that_is_slow_but_reads_gets_everything(serve: Serve) -> None:
    server = await serve(slow_timeout=0.5, write_chunk=100_000, unsent=50_000)
    client = await server.client(limit=10_000)
    client.get("/shelf/big")
    size, started = 0, time.monotonic()
    async with asyncio.timeout(20):
        while size < 3_000_000:
            size += len(await client.reader.read(30_000))
            await asyncio.sleep(0.01)
    assert time.monotonic() - started > 0.5
    assert server.listener.stats.slow_aborted == 0


async def test_a_client_that_asks_and_never_reads_is_not_served_on(serve: Serve) -> None:
    server = await serve(slow_timeout=0.3)
    server.shelf.answers["part"] = Response(200, bytes(200_000))
    loop = asyncio.get_running_loop()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        await loop.sock_connect(slow, ("127.0.0.1", server.listener.port))
        await loop.sock_sendall(slow, b"GET /shelf/part HTTP/1.1\r\nHost: a\r\n\r\n" * 400)
        await until(lambda: server.listener.stats.slow_aborted == 1)
        assert len(server.shelf.seen) < 40


async def test_what_is_pipelined_behind_a_wait_is_bounded(serve: Serve) -> None:
    server = await serve(receive_buffer=4096)
    loop = asyncio.get_running_loop()
    with socket.socket() as eager:
        eager.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        eager.setblocking(False)
        await loop.sock_connect(eager, ("127.0.0.1", server.listener.port))
        ask = b"GET /shelf/%s HTTP/1.1\r\nHost: a\r\n\r\n"
        await loop.sock_sendall(eager, ask % b"wait")
        await until(lambda: server.listener.stats.waiters == 1)
        (connection,) = server.listener._connections
        many = asyncio.create_task(loop.sock_sendall(eager, ask % b"text" * 100_000))
        await until(lambda: connection._paused)
        assert connection._parser.buffered <= 2 * 4096
        assert len(server.shelf.seen) == 1
        # Released, the queue is worked off and reading goes on.
        server.shelf.pending.release(Response(200, b"x"))
        async with asyncio.timeout(10):
            while server.listener.stats.requests < 2000:
                await loop.sock_recv(eager, 65536)
        many.cancel()
        await asyncio.gather(many, return_exceptions=True)


async def test_closing_under_load(serve: Serve) -> None:
    server = await serve()
    server.shelf.answers["huge"] = Response(200, bytes(40_000_000))
    waiting = [await server.client() for _ in range(50)]
    idle, reading = await server.client(), await server.client()
    for client in waiting:
        client.get("/shelf/wait")
    await until(lambda: server.listener.stats.waiters == 50)
    reading.get("/shelf/text")
    assert (await reading.answer())[0] == 200
    stuck = await server.client(limit=1000)
    stuck.get("/shelf/huge")
    await until(lambda: server.listener.stats.requests == 52)
    started = time.monotonic()
    closing = asyncio.create_task(server.listener.close())
    for client in waiting:
        status, headers, _ = await client.answer()
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
    assert await idle.closed() == b""
    await closing
    assert time.monotonic() - started < 1
    assert server.listener.stats.connections == 0
    assert len(server.shelf.pending) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.listener.port)) != 0
    await server.listener.close()


async def test_a_large_answer_under_way_is_finished_when_it_fits_the_grace(serve: Serve) -> None:
    server = await serve(write_chunk=20_000)
    client = await server.client()
    client.get("/shelf/big")
    await until(lambda: server.listener.stats.requests == 1)
    closing = asyncio.create_task(server.listener.close())
    assert (await client.answer())[2] == server.shelf.answers["big"].body
    await client.close()
    await closing
