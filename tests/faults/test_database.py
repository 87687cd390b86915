"""The database goes away while a channel is on air, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from databases import DatabaseURL

from tests.conftest import MariaDB
from tests.support.bystanders import Bystanders, watching
from tests.support.rtmp_socket import connected
from tests.support.site_process import make_site
from tests.support.stage import Stage, staged

SHORT, LONG = 6.0, 20.0
NOTICED = 5.0
"""Seconds in which a page says so, at most, when a server stops to answer without a word."""
HEALS = 8.0
"""Seconds in which everything works again."""

durations = pytest.mark.parametrize(
    "seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.full)], ids=["short", "long"]
)
pytestmark = pytest.mark.timeout(180)


@dataclass
class Outage:
    """A database that can be taken away: by killing or stopping the server, or by a lock."""

    begin: Callable[[], None]
    end: Callable[[], None]


def killed(server: MariaDB) -> Outage:
    process = server._process
    assert process is not None

    def begin() -> None:
        process.kill()
        process.wait()

    return Outage(begin, server.start_again)


def stopped(server: MariaDB) -> Outage:
    process = server._process
    assert process is not None
    return Outage(
        lambda: process.send_signal(signal.SIGSTOP), lambda: process.send_signal(signal.SIGCONT)
    )


@pytest.fixture(scope="module")
def own_mariadb() -> Iterator[MariaDB]:
    """A server that these tests may kill."""
    server = MariaDB(survives_a_kill=True)
    try:
        server.start()
        yield server
    finally:
        if server._process is not None:
            server._process.send_signal(signal.SIGCONT)
        server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def on_mariadb(tmp_path: Path, own_mariadb: MariaDB) -> AsyncIterator[Stage]:
    site = make_site(tmp_path, own_mariadb.new_database())
    async with staged(site, {"": "reconnect_window = 2"}) as stage:
        yield stage


@durations
@pytest.mark.parametrize("how", [killed, stopped])
async def test_the_server_is_gone(
    on_mariadb: Stage, own_mariadb: MariaDB, how: Callable[[MariaDB], Outage], seconds: float
) -> None:
    stage = on_mariadb
    outage = how(own_mariadb)
    async with stage.on_air() as publisher, watching(stage) as others:
        before = stage.usage()
        outage.begin()
        try:
            others.forget()
            began = monotonic()
            await others.during(NOTICED)
            assert others.visitor.longest <= NOTICED, others.figures()
            assert {status for _, status, _, _ in others.visitor.answers} == {503}
            for path in ("/", f"/{stage.name}"):
                answer = await stage.site.get(path)
                assert "cannot reach its database" in answer
                assert re.search(r"(?mi)^retry-after: \d+", answer)
            async with connected(stage.site.rtmp_port) as encoder:
                await encoder.ask(stage.key)
                said = await encoder.full_status()
            assert "cannot take streams just now" in said["description"]
            # The broadcast ends meanwhile: as the encoder says so, viewers are told.
            await others.during(max(0.0, seconds - 2 - (monotonic() - began)))
            others.check_stream(3.0)
            print("\n", how.__name__, seconds, others.figures())
            await publisher.stop()
            await others.talk.ended.wait()
            await others.during(max(0.0, seconds - (monotonic() - began)))
        finally:
            outage.end()
        assert others.talk.refused
        assert all("cannot keep messages" in words for words in others.talk.refused)
        await heals(stage, others)
        await others.check_heard()
        await is_stored(own_mariadb, stage, others)
    async with stage.on_air():
        pass
    after = stage.usage()
    print(f" RSS {before.rss} -> {after.rss} KiB, files {before.files} -> {after.files}")
    assert after.rss - before.rss < 24 * 1024
    assert len(stage.lines("the database is away")) == 1
    assert len(stage.lines("the database is back")) == 1
    assert len(stage.lines("ERROR")) == 1, stage.site.log


async def heals(stage: Stage, others: Bystanders) -> None:
    """Pages and chat work again."""
    accepted = len(others.talk.accepted)
    async with asyncio.timeout(HEALS):
        while (  # noqa: ASYNC110
            not (await stage.site.get("/")).startswith("HTTP/1.1 200")
            or len(others.talk.accepted) == accepted
        ):
            await asyncio.sleep(0.1)


async def is_stored(server: MariaDB, stage: Stage, others: Bystanders) -> None:
    """The database knows that the broadcast is over, and every message that was acknowledged."""
    name = DatabaseURL(stage.site.database).database

    def ask(sql: str) -> list[tuple[object, ...]]:
        connection = server.connect(name)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        finally:
            connection.close()

    async with asyncio.timeout(HEALS):
        while ask("SELECT COUNT(*) FROM broadcasts WHERE ended_at IS NULL") != [(0,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        while ask("SELECT state FROM live_status") != [("offline",)]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert ask("SELECT COUNT(*) FROM broadcasts") == [(1,)]
    stored = {str(row[0]) for row in ask("SELECT public_id FROM chat_messages")}
    assert set(others.talk.accepted) <= stored


@durations
async def test_the_file_is_locked(stage: Stage, seconds: float) -> None:
    """Another program keeps SQLite's write lock: who reads is not touched."""
    path = stage.site.database.removeprefix("sqlite:///")
    async with stage.on_air(), watching(stage) as others:
        before = stage.usage()
        with locked(path):
            others.forget()
            await others.during(seconds)
            others.check_stream(3.0)
            others.check_pages(2.0)
            print("\n locked", seconds, others.figures())
            if seconds > SHORT:
                assert others.talk.refused, "it cannot have been stored"
                async with connected(stage.site.rtmp_port) as encoder:
                    await encoder.ask(stage.key)
                    assert "Another encoder" in (await encoder.full_status())["description"]
        await heals(stage, others)
        await others.check_heard()
        others.check_stream(3.0)
        after = stage.usage()
        print(f" RSS {before.rss} -> {after.rss} KiB, files {before.files} -> {after.files}")
        assert after.files <= before.files + 8, "more than the connections of SQLite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = {row[0] for row in connection.execute("SELECT public_id FROM chat_messages")}
        assert set(others.talk.accepted) <= found
    assert len(stage.lines("the database is away")) <= 1
    assert not stage.lines("ERROR chat")


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Keep the file's write lock, from another process: SQLite's locks are the process's."""
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\nprint(flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.communicate()
