"""A site that serves on a port of its own, and people with sockets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from metropole_core.accounts import User
from metropole_core.channels import Channel
from metropole_core.config import PluginsConfig, SiteConfig
from metropole_core.keys import SiteKeys
from metropole_core.realtime.socket import Gate
from metropole_core.server import serve
from metropole_core.site import Site
from tests.support.ws_client import Client, connect

PASSWORD = "four random little words"
QUIET = ["provider_local", "ingest_rtmp", "egress_hls"]
"""Plugins that open ports, or that these tests do without."""

_numbers = itertools.count(1)


@dataclass
class Person:
    """Somebody with an account, and the channel that came with it."""

    user: User
    token: str
    channel: Channel
    address: str


class Place:
    """A running site."""

    def __init__(self, site: Site, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.site = site
        self.stop = stop
        self.task = task
        self.port = int(site.config.bind.rpartition(":")[2])
        self.origin = site.config.public_url
        self._stack = AsyncExitStack()

    async def person(self, **settings: Any) -> Person:
        """A new account."""
        name = f"person{next(_numbers)}"
        user = await self.site.accounts.create(name=name, password=PASSWORD, email=None, **settings)
        address = f"10.0.{next(_numbers) % 250}.{next(_numbers) % 250}"
        _, token = await self.site.accounts.sign_in(
            login=name, password=PASSWORD, address=address, user_agent=""
        )
        channel = await self.site.channels.by_name(name)
        assert channel is not None
        return Person(user, token, channel, address)

    def open(
        self, person: Person | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Client]:
        """A socket: of a person, or of a guest."""
        cookies = {"metropole_session": person.token} if person is not None else {}
        options.setdefault("origin", self.origin)
        if person is not None:
            options.setdefault("headers", {"X-Forwarded-For": person.address})
        cookies |= options.pop("cookies", {})
        return connect(self.port, cookies=cookies, **options)

    async def socket(self, person: Person | None = None, **options: Any) -> Client:
        """The same, closed at the end of the test."""
        return await self._stack.enter_async_context(self.open(person, **options))

    @property
    def gate(self) -> Gate:
        """What lets sockets in."""
        return next(each for each in self.site.chat.listeners if isinstance(each, Gate))

    async def close_sockets(self) -> None:
        await self._stack.aclose()


Start = Callable[..., AbstractAsyncContextManager[Place]]


async def until(condition: Callable[[], object], within: float = 5.0) -> None:
    """Wait for something that nothing announces."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def started(folder: Path, db_url: str, **settings: Any) -> AsyncIterator[Place]:
    port = free_port()
    if not (folder / "site.key").exists():
        SiteKeys.create(folder / "site.key")
    values: dict[str, Any] = {
        "bind": f"127.0.0.1:{port}",
        "public_url": f"http://127.0.0.1:{port}",
        "data_dir": folder,
        "key_file": folder / "site.key",
        "database": db_url,
        "plugins": PluginsConfig(disabled=QUIET),
        "trusted_proxies": ["127.0.0.1"],
    }
    stop = asyncio.Event()
    sites: list[Site] = []

    async def ready(site: Site) -> None:
        sites.append(site)

    task = asyncio.create_task(serve(SiteConfig(**values | settings), ready=ready, stop=stop))
    await until(lambda: bool(sites) or task.done(), 20)
    if task.done():
        await task
    place = Place(sites[0], stop, task)
    try:
        yield place
    finally:
        await place.close_sockets()
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


@pytest.fixture(scope="session")
async def _shared(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("sockets")
    copied = shutil.copy(sqlite_template, folder / "metropole.sqlite3")
    async with started(folder, f"sqlite:///{copied}") as place:
        yield place


@pytest.fixture
async def place(_shared: Place) -> AsyncIterator[Place]:
    """A site shared by all tests: each makes the people it needs."""
    yield _shared
    await _shared.close_sockets()


@pytest.fixture
def start_place(sqlite_template: Path, tmp_path: Path) -> Start:
    """`async with start_place(...) as place`: a site of this test's own."""

    def start(db_url: str | None = None, **settings: Any) -> AbstractAsyncContextManager[Place]:
        if db_url is None:
            db_url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'own.sqlite3')}"
        return started(tmp_path, db_url, **settings)

    return start
