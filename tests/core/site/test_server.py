"""The server: starts, serves, refuses in words, and stops quickly whoever is still there."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import sys
import time
from importlib.machinery import ModuleSpec
from ipaddress import ip_network
from pathlib import Path
from types import ModuleType
from typing import Any

import hypercorn.protocol.ws_stream as ws_stream
import pytest
from quart import Response, request, websocket

from metropole_core import hypercorn_parts, server
from metropole_core.accounts.limits import counted
from metropole_core.app import create_app
from metropole_core.config import split_bind
from metropole_core.errors import ConfigError, MetropoleError, Unavailable
from metropole_core.hypercorn_parts import Ref, ServerConfig
from metropole_core.server import bind_socket, serve
from tests.core.site.conftest import Configure, running


async def ask(config: Any, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = split_bind(config.bind)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head.replace("\n", "\r\n").encode())
    return reader, writer


async def test_a_site_serves_pages(configure: Configure, db_url: str) -> None:
    config = configure(db_url)
    async with running(config) as (site, _):
        assert site.started
        reader, writer = await ask(config, "GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
    assert not site.started
    assert not site.db.is_connected


async def open_socket(config: Any, path: str = "/sock") -> Any:
    key = base64.b64encode(os.urandom(16)).decode()
    reader, writer = await ask(
        config,
        f"GET {path} HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n"
        f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: {key}\n"
        "Sec-WebSocket-Extensions: permessage-deflate\n\n",
    )
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    return reader, writer, answer


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    target = tmp_path / "site.sqlite3"
    target.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{target}"


@pytest.fixture
def socket_part(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A socket `/sock` and a slow page `/wait` on every site; the transports it was offered."""
    offered: list[Any] = []

    def register(app: Any, site: Any) -> None:
        @app.websocket("/sock")  # type: ignore[untyped-decorator]
        async def sock() -> None:
            await websocket.accept()
            offered.append(websocket.scope["state"]["transport"])
            while True:
                await websocket.receive()

        @app.get("/large")  # type: ignore[untyped-decorator]
        async def large() -> Response:
            offered.append(request.scope["state"]["transport"])
            response = Response(bytes(64 * 1024 * 1024))
            response.timeout = 0.5
            return response

        @app.get("/wait")  # type: ignore[untyped-decorator]
        async def wait() -> str:
            await asyncio.Event().wait()
            return ""

    module = ModuleType("tests_socket_part")
    module.__spec__ = ModuleSpec("tests_socket_part", None)
    module.__dict__["register"] = register
    monkeypatch.setitem(sys.modules, "tests_socket_part", module)
    monkeypatch.setattr("metropole_core.app.PARTS", ("tests_socket_part",))
    return offered


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(10), 5) == b""
    except ConnectionError:
        return True


async def test_the_transport_is_offered_and_nothing_is_compressed(
    configure: Configure, sqlite_url: str, socket_part: list[Any]
) -> None:
    config = configure(sqlite_url)
    async with running(config):
        reader, writer, answer = await open_socket(config)
        assert b" 101 " in answer
        assert b"permessage-deflate" not in answer
        ref = socket_part[0]
        assert isinstance(ref, Ref)
        ref.tr.write(b"\x81\x02hi")
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"\x81\x02hi"
        writer.close()


async def test_it_stops_quickly_whoever_is_there(
    configure: Configure, sqlite_url: str, socket_part: list[Any]
) -> None:
    config = configure(sqlite_url)
    async with running(config) as (site, stop):
        told = asyncio.Event()

        async def goodbye() -> None:
            for ref in socket_part:
                ref.tr.write(b"\x88\x02\x03\xe9")
            told.set()

        async def hangs() -> None:
            await asyncio.Event().wait()

        site.closing += [goodbye, hangs]
        reader, polite, _ = await open_socket(config)
        clients = [
            await open_socket(config),
            await ask(config, "GET /wait HTTP/1.1\nHost: x\n\n"),  # a long poll
            await ask(config, "GET / HT"),  # half a head
            await ask(config, "POST /signin HTTP/1.1\nHost: x\nContent-Length: 10\n\nhal"),
            await ask(config, ""),  # says nothing
        ]
        await asyncio.sleep(0.1)
        began = time.perf_counter()
        stop.set()
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"\x88\x02\x03\xe9"
        assert told.is_set()
    took = time.perf_counter() - began
    assert took < 3.0
    assert not site.db.is_connected
    for writer in [polite, *(client[1] for client in clients)]:
        writer.close()


async def test_a_port_that_is_taken(configure: Configure, sqlite_url: str) -> None:
    config = configure(sqlite_url)
    host, port = split_bind(config.bind)
    with socket.create_server((host, port)), pytest.raises(Unavailable) as caught:
        await serve(config)
    assert f"Port {port} is taken" in caught.value.sentence
    assert "set `bind` to another port" in caught.value.sentence


def test_an_address_that_this_machine_has_not() -> None:
    with pytest.raises(Unavailable, match=r"no address 192\.0\.2\.1"):
        bind_socket("192.0.2.1:8000")
    with pytest.raises(Unavailable, match=r"no address no-such-host\.invalid"):
        bind_socket("no-such-host.invalid:8000")


async def test_the_port_is_free_again(configure: Configure, sqlite_url: str) -> None:
    config = configure(sqlite_url)
    for _ in range(2):
        async with running(config) as (site, _stop):
            assert site.started


async def test_what_fails_once_the_port_is_open_stops_the_site(
    configure: Configure, sqlite_url: str
) -> None:
    config = configure(sqlite_url)
    sites: list[Any] = []

    async def fails(site: Any) -> None:
        sites.append(site)
        raise Unavailable("No encoder.")

    with pytest.raises(Unavailable, match=r"No encoder\."):
        await serve(config, ready=fails)
    assert not sites[0].db.is_connected


async def test_connections_are_bounded(
    configure: Configure, sqlite_url: str, socket_part: list[Any]
) -> None:
    config = configure(sqlite_url, max_connections=10)
    async with running(config):
        open_ones = [await open_socket(config) for _ in range(10)]
        reader, writer = await ask(config, "GET /wait HTTP/1.1\nHost: x\n\n")
        assert await is_closed(reader)
        writer.close()
        _, freed, _ = open_ones.pop()
        freed.close()
        await freed.wait_closed()
        async with asyncio.timeout(5):
            while True:
                try:
                    _, writer, answer = await open_socket(config)
                except (ConnectionError, asyncio.IncompleteReadError):
                    continue
                break
        assert b" 101 " in answer
        for _, client, _ in open_ones:
            client.close()
        writer.close()


async def test_http2_is_not_spoken(
    configure: Configure, sqlite_url: str, socket_part: list[Any]
) -> None:
    config = configure(sqlite_url)
    async with running(config):
        for head in (
            "PRI * HTTP/2.0\n\nSM\n\n",
            "GET /none HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: h2c\n\n",
        ):
            reader, writer = await ask(config, head)
            assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 4")
            writer.close()


async def test_connections_of_one_address_are_bounded(
    configure: Configure,
    sqlite_url: str,
    socket_part: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MAX_PER_ADDRESS", 2)
    config = configure(sqlite_url)
    async with running(config):  # of this machine there may be any number
        for _, writer, _ in [await open_socket(config) for _ in range(4)]:
            writer.close()
    monkeypatch.setattr(server, "counted", lambda peer, trusted: peer)
    async with running(config):
        open_ones = [await open_socket(config) for _ in range(2)]
        reader, writer = await ask(config, "GET /wait HTTP/1.1\nHost: x\n\n")
        assert await is_closed(reader)
        for closed in (writer, *(client for _, client, _ in open_ones)):
            closed.close()


@pytest.mark.parametrize(
    ("peer", "home"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("10.1.2.3", None),
        ("2001:db8:9::1", None),
    ],
)
def test_by_what_connections_are_counted(peer: str, home: str | None) -> None:
    trusted = (ip_network("10.0.0.0/8"), ip_network("2001:db8:9::1/128"))
    assert counted(peer, trusted) == home


async def test_who_does_not_read_is_cut_off(
    configure: Configure,
    sqlite_url: str,
    socket_part: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hypercorn_parts, "CLOSE_SECONDS", 0.1)
    config = configure(sqlite_url)
    async with running(config) as (_, _stop):
        host, port = split_bind(config.bind)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
            # The answer never fits, and its time is over after half a second.
            await asyncio.get_running_loop().sock_sendall(
                sock, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            async with asyncio.timeout(5):
                while not socket_part:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            transport = socket_part[0].tr
            async with asyncio.timeout(5):
                while transport.get_extra_info("socket").fileno() >= 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


async def test_an_empty_database_is_refused_in_words(
    configure: Configure, empty_db_url: str
) -> None:
    config = configure(empty_db_url)
    with pytest.raises(ConfigError, match="metropole db upgrade"):
        await serve(config)
    async with running(configure(empty_db_url, auto_upgrade=True)) as (site, _):
        assert site.started


async def test_without_a_key_file_nothing_starts(configure: Configure, sqlite_url: str) -> None:
    config = configure(sqlite_url)
    config.key_file.unlink()
    with pytest.raises(MetropoleError, match="metropole init"):
        create_app(config)
    with pytest.raises(MetropoleError, match="metropole init"):
        await serve(config)


def test_hypercorn_is_the_one_this_was_made_for() -> None:
    assert hypercorn_parts.missing() == []


def test_another_hypercorn_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(ws_stream), "server_extensions_handshake")
    assert hypercorn_parts.missing() == ["the WebSocket handshake negotiates extensions elsewhere"]
    assert hypercorn_parts.install() == hypercorn_parts.missing()


def test_server_config_is_bounded() -> None:
    config = ServerConfig(7, 2, str)
    assert [config.caps.enter("203.0.113.9") for _ in range(3)] == [True, True, False]
    assert [config.caps.enter(None) for _ in range(6)] == [True] * 5 + [False]
    assert config.transports == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(
    configure: Configure, sqlite_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    config = configure(sqlite_url)
    script = tmp_path / "run.py"
    script.write_text(
        "import asyncio, sys, json\n"
        "from metropole_core.config import SiteConfig\n"
        "from metropole_core.server import serve\n"
        "async def ready(site): print('ready', flush=True)\n"
        "config = SiteConfig.model_validate(json.loads(sys.argv[1]))\n"
        "asyncio.run(serve(config, ready=ready))\n"
        "print('ended', flush=True)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), config.model_dump_json(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 30)) == b"ready\n"
    began = time.perf_counter()
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert time.perf_counter() - began < 3.0
    assert out == b"ended\n"
    assert b"Traceback" not in err, err.decode()
    assert process.returncode == 0
