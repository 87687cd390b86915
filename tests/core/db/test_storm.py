"""A storm of cancels: whatever moment they hit, nothing hangs and nothing is half done."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
import sqlalchemy as sa

from metropole_core.db.connection import Database
from metropole_core.db.faults import is_transient
from metropole_core.db.tables import settings

SECONDS = 8.0
TASKS = 40
SEED = 20260102


@pytest.mark.timeout(60)
async def test_cancels_at_any_moment(database: Database) -> None:
    random_ = random.Random(SEED)
    acknowledged: set[str] = set()
    cancelled = finished = number = 0

    async def write(key: str) -> None:
        async with database.transaction():
            await put(key, "first")
            await database.fetch_val(slow(database))
            async with database.transaction():
                await put(key, "second")
        acknowledged.add(key)

    async def put(key: str, name: str) -> None:
        await database.execute(sa.insert(settings).values(owner=key, name=name, value=1))

    async def read(key: str) -> None:
        await database.fetch_val(slow(database))
        assert await database.fetch_val("SELECT :key", {"key": key}) == key

    async def give_up_and_go_on(key: str) -> None:
        try:
            async with asyncio.timeout(random_.random() * 0.05):
                await write(key)
        except TimeoutError:
            pass
        assert await database.fetch_val("SELECT :key", {"key": key}) == key

    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        tasks = []
        for _ in range(TASKS):
            number += 1
            work = random_.choice((write, read, give_up_and_go_on))
            tasks.append(asyncio.create_task(work(f"k{number}")))
            if random_.random() < 0.6:
                loop.call_later(random_.random() * 0.15, tasks[-1].cancel)
        done, pending = await asyncio.wait(tasks, timeout=20)
        assert not pending, "a task hangs"
        for task in done:
            if task.cancelled():
                cancelled += 1
                continue
            error = task.exception()
            if error is None:
                finished += 1
            elif not is_transient(error):  # two of them may cross; that is not what is asked here
                raise error

    assert cancelled > 20, "the storm hit nothing"
    assert finished > 20, "the storm let nothing pass"

    rows = await database.fetch_all(
        sa.select(settings.c.owner, sa.func.count().label("n")).group_by(settings.c.owner)
    )
    stored = {row.owner: row.n for row in rows}
    assert set(stored.values()) <= {2}, "half a transaction was stored"
    assert acknowledged <= set(stored), "something acknowledged is lost"

    slots: int = database._backend.max_size
    release = asyncio.Event()
    at_once = 0

    async def hold() -> None:
        nonlocal at_once
        async with database.transaction(readonly=True):
            at_once += 1
            if at_once == slots:
                release.set()
            await release.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(*[hold() for _ in range(slots)])
    if database.url.dialect == "mysql":
        opened = "SELECT COUNT(*) AS n FROM information_schema.innodb_trx"
        assert await database.fetch_val(opened) == 0, "the server still has a transaction open"
    await put("after", "the storm")


def slow(db: Database) -> str:
    """A query of about 10 ms, for cancels to hit."""
    if db.url.dialect == "mysql":
        return "SELECT SLEEP(0.01)"
    return (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 8000)"
        " SELECT MAX(x) FROM c"
    )
