"""Queries and transactions mean the same on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from metropole_core.db import mysql, raw
from metropole_core.db.connection import Database, make_database
from metropole_core.db.faults import is_duplicate, is_transient
from metropole_core.db.raw import TransactionLost
from metropole_core.db.tables import channels, chat_modes, follows, sessions, settings, users
from metropole_core.db.upsert import upsert
from metropole_core.errors import ConfigError, Unavailable

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NAMES = sa.select(users.c.name).order_by(users.c.id)


def user(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "name_key": name,
        "display_name": name,
        "password_hash": "x",
        "created_at": NOW,
        **more,
    }


async def add(db: Database, name: str, **more: Any) -> int:
    return await db.execute(sa.insert(users).values(**user(name, **more)))


async def names(db: Database) -> list[str]:
    return [row.name for row in await db.fetch_all(NAMES)]


async def test_self_test_and_ping(database: Database) -> None:
    await database.self_test()
    assert 0 < await database.ping() < 2


async def test_self_test_names_what_is_missing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sa.sql.elements.ClauseElement, "_compile_w_cache")
    with pytest.raises(ConfigError, match="_compile_w_cache"):
        await database.self_test()


async def test_values_come_back_as_they_went(database: Database) -> None:
    first = await add(database, "anna", display_name="Ämilie 😀 50% :x", email=None)
    second = await add(database, "bob", is_admin=True)
    assert second == first + 1
    row = await database.fetch_one(sa.select(users).where(users.c.id == first))
    assert row is not None
    assert row.display_name == "Ämilie 😀 50% :x"
    assert row["created_at"] == NOW
    assert row.email is None
    assert row.is_admin is False
    assert row.as_dict()["name"] == "anna"
    with pytest.raises(AttributeError, match="has no column 'nothing'"):
        _ = row.nothing
    assert await database.fetch_val(sa.select(users.c.is_admin).where(users.c.id == second)) is True
    assert await database.fetch_one(sa.select(users).where(users.c.id == 0)) is None


async def test_moments_keep_microseconds_and_zone(database: Database) -> None:
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    await add(database, "anna", created_at=east)
    stored = await database.fetch_val(sa.select(users.c.created_at))
    assert stored == NOW
    assert stored.utcoffset() == timedelta(0)
    found = sa.select(users.c.name).where(users.c.created_at == east)
    assert await database.fetch_val(found) == "anna"
    with pytest.raises(ValueError, match="time zone"):
        await add(database, "bob", created_at=NOW.replace(tzinfo=None))


async def test_json_and_defaults(database: Database) -> None:
    owner = await add(database, "anna")
    await database.execute(
        sa.insert(channels).values(
            name="anna",
            name_key="anna",
            display_name="A",
            owner_id=owner,
            tags=["ä", "😀"],
            created_at=NOW,
        )
    )
    row = await database.fetch_one(sa.select(channels))
    assert row is not None
    assert row.tags == ["ä", "😀"]
    assert row.chat_enabled is True
    assert row.title == ""


async def test_text_with_parameters_and_percent(database: Database) -> None:
    await add(database, "anna", display_name="100%")
    query = "SELECT name FROM users WHERE display_name LIKE :what AND name <> '%'"
    rows = await database.fetch_all(query, {"what": "1%"})
    assert [row["name"] for row in rows] == ["anna"]
    assert await database.fetch_val("SELECT COUNT(*) AS n FROM users WHERE name = 'x%'") == 0


async def test_in_lists_of_other_lengths_share_a_statement(database: Database) -> None:
    for name in "abc":
        await add(database, name)
    for wanted in (["a"], ["a", "b"], ["a", "b", "c"], []):
        rows = await database.fetch_all(NAMES.where(users.c.name.in_(wanted)))
        assert [row.name for row in rows] == wanted


async def test_a_missing_parameter_is_an_error_and_not_null(database: Database) -> None:
    query = sa.select(users.c.name).where(users.c.id == sa.bindparam("wanted"))
    with pytest.raises(sa.exc.InvalidRequestError, match="wanted"):
        await database.fetch_all(query)
    assert await database.fetch_all(query, {"wanted": 1}) == []


async def test_update_counts_rows_found_even_when_nothing_differs(database: Database) -> None:
    await add(database, "anna")
    same = sa.update(users).where(users.c.name == "anna").values(display_name="anna")
    assert await database.execute(same) == 1
    async with database.transaction():
        assert await database.execute(same) == 1  # not the id of the row inserted before
    assert await database.execute(same.where(users.c.id == 0)) == 0
    assert await database.execute(sa.delete(users)) == 1


async def test_names_are_compared_byte_by_byte(database: Database) -> None:
    for name in ("a", "a ", "e", "é", "😀", "😁", "A"):
        await add(database, name)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate") as caught:
        await add(database, "é")
    assert is_duplicate(caught.value)
    assert not is_transient(caught.value)


async def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key") as caught:
        await database.execute(
            sa.insert(follows).values(user_id=999_999, channel_id=999_999, created_at=NOW)
        )
    assert not is_duplicate(caught.value)
    anna = await add(database, "anna")
    await database.execute(
        sa.insert(sessions).values(
            token_hash="x", user_id=anna, created_at=NOW, seen_at=NOW, expires_at=NOW
        )
    )
    await database.execute(sa.delete(users))
    assert await database.fetch_all(sa.select(sessions)) == []


async def test_execute_many_is_all_or_nothing(database: Database) -> None:
    await database.execute_many(sa.insert(users), [user(f"user{n}") for n in range(300)])
    assert await database.fetch_val(sa.select(sa.func.count()).select_from(users)) == 300
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await database.execute_many(
            sa.insert(users), [user("new"), user("newer"), user("user7"), user("newest")]
        )
    assert "new" not in await names(database)
    async with database.transaction():
        await database.execute_many(sa.insert(users), [user("new"), user("newer")])
    assert {"new", "newer"} <= set(await names(database))
    await database.execute_many(sa.insert(users), [])
    await database.execute_many(
        "UPDATE users SET display_name = :shown WHERE name = :name",
        [{"shown": "1", "name": "new"}, {"shown": "2", "name": "newer"}],
    )
    shown = sa.select(users.c.display_name).where(users.c.name == "newer")
    assert await database.fetch_val(shown) == "2"


async def test_transactions_nest(database: Database) -> None:
    async def fails() -> None:
        async with database.transaction():
            await add(database, "b")
            raise ZeroDivisionError

    async with database.transaction():
        await add(database, "a")
        with pytest.raises(ZeroDivisionError):
            await fails()
        async with database.transaction():
            await add(database, "c")
    assert await names(database) == ["a", "c"]

    async def outer_fails() -> None:
        async with database.transaction():
            async with database.transaction():
                await add(database, "d")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await outer_fails()
    assert await names(database) == ["a", "c"]


async def test_a_caught_timeout_loses_the_transaction(database: Database) -> None:
    async def work() -> None:
        async with database.transaction():
            await add(database, "a")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.005):
                    await database.fetch_val(slow(database))
            with pytest.raises(TransactionLost):
                await add(database, "b")

    with pytest.raises(TransactionLost):
        await work()
    assert await names(database) == []


async def test_a_cancelled_transaction_stays_a_cancelled_error(database: Database) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with database.transaction():
            await add(database, "a")
            inside.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(database) == []


async def test_every_slot_comes_back_after_cancels(database: Database) -> None:
    slots: int = database._backend.max_size

    async def too_slow() -> None:
        async with asyncio.timeout(0.005), database.transaction(readonly=True):
            await database.fetch_val(slow(database))

    for _ in range(2 * slots):
        with pytest.raises(TimeoutError):
            await too_slow()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*[database.fetch_val(f"SELECT {n}") for n in range(3 * slots)])
    assert found == list(range(3 * slots))


async def test_when_all_connections_are_taken_the_wait_ends_in_a_sentence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "GATE_SECONDS", 0.05)
    module = type(database._backend).__mro__[0].__module__
    monkeypatch.setattr(f"{module}.GATE_SECONDS", 0.05)
    slots: int = database._backend.max_size
    release = asyncio.Event()
    all_held = asyncio.Barrier(slots + 1)

    async def hold() -> None:
        async with database.transaction(readonly=True):
            await all_held.wait()
            await release.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(slots)]
    async with asyncio.timeout(10):
        await all_held.wait()
    with pytest.raises(Unavailable, match="busy"):
        await database.fetch_val("SELECT 1")
    with pytest.raises(Unavailable, match="busy"):
        await database.ping()
    release.set()
    await asyncio.gather(*tasks)
    assert await database.fetch_val("SELECT 1") == 1


async def test_sixty_counters_lose_no_count(database: Database) -> None:
    await database.execute(sa.insert(settings).values(owner="t", name="n", value=0))
    row = sa.select(settings.c.value).where(settings.c.owner == "t").with_for_update()

    async def count() -> None:
        async def work() -> None:
            value = await database.fetch_val(row)
            await database.execute(sa.update(settings).values(value=value + 1))

        await database.in_transaction(work)

    await asyncio.gather(*[count() for _ in range(60)])
    assert await database.fetch_val(sa.select(settings.c.value)) == 60


async def test_crossed_locks_are_tried_again(database: Database) -> None:
    # Two rows, locked in either order: MariaDB breaks one of each crossing pair off.
    rows = [{"owner": "t", "name": name, "value": 0} for name in "ab"]
    await database.execute_many(sa.insert(settings), rows)
    tries = 0

    async def both(order: str) -> None:
        async def work() -> None:
            nonlocal tries
            tries += 1
            for name in order:
                where = settings.c.name == name
                await database.execute(sa.update(settings).where(where).values(value=tries))
                await asyncio.sleep(0.002)

        await database.in_transaction(work)

    await asyncio.gather(*[both("ab" if n % 2 else "ba") for n in range(20)])
    assert tries >= 20
    if database.url.dialect == "mysql":
        assert tries > 20  # else nothing was broken off, and this shows nothing


async def test_upsert(database: Database) -> None:
    owner = await add(database, "anna")
    channel = await database.execute(
        sa.insert(channels).values(
            name="anna", name_key="anna", display_name="A", owner_id=owner, tags=[], created_at=NOW
        )
    )
    for seconds, enabled in ((10, False), (20, True)):
        values = {
            "channel_id": channel,
            "mode": "slow",
            "enabled": enabled,
            "settings": {"seconds": seconds},
        }
        await database.execute(upsert(database, chat_modes, values))
    only = {**values, "enabled": False, "settings": {}}
    await database.execute(upsert(database, chat_modes, only, change=["enabled"]))
    rows = await database.fetch_all(sa.select(chat_modes))
    assert [(row.enabled, row.settings) for row in rows] == [(False, {"seconds": 20})]


async def test_disconnect_closes_and_connects_again(db_url: str) -> None:
    db = make_database(db_url)
    for _ in range(2):
        await db.connect()
        assert await db.fetch_val("SELECT 1") == 1
        await db.disconnect()
    with pytest.raises(RuntimeError, match="not connected"):
        await db.fetch_val("SELECT 1")


@pytest.mark.parametrize("db_url", ["mariadb"], indirect=True)
async def test_a_server_that_does_not_answer_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "ANSWER_SECONDS", 0.2)

    async def ask() -> None:
        async with database.transaction():
            await database.fetch_val("SELECT SLEEP(3)")

    began = time.monotonic()
    tries = [ask() for _ in range(mysql.MAX_CONNECTIONS)]
    for failure in await asyncio.gather(*tries, return_exceptions=True):
        assert isinstance(failure, Unavailable)
    assert await database.fetch_val("SELECT 7") == 7
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("db_url", ["mariadb"], indirect=True)
async def test_session_settings_of_mariadb(database: Database) -> None:
    row = await database.fetch_one("SELECT @@tx_isolation AS i, @@time_zone AS z, @@sql_mode AS m")
    assert row is not None
    assert (row.i, row.z) == ("READ-COMMITTED", "+00:00")
    assert "STRICT_TRANS_TABLES" in row.m
    with pytest.raises(Exception, match="Data too long"):
        await add(database, "x" * 26)


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
async def test_session_settings_of_sqlite(database: Database) -> None:
    assert await database.fetch_val("PRAGMA journal_mode") == "wal"
    assert await database.fetch_val("PRAGMA foreign_keys") == 1
    assert await database.fetch_val("PRAGMA busy_timeout") == 5000


@pytest.mark.parametrize("db_url", ["mariadb"], indirect=True)
async def test_connections_that_the_server_closed_are_replaced(
    database: Database, mariadb: Any
) -> None:
    await asyncio.gather(*[database.fetch_val("SELECT SLEEP(0.05)") for _ in range(5)])
    ids = await database.fetch_all(
        "SELECT id FROM information_schema.processlist WHERE db = DATABASE()"
    )
    assert len(ids) >= 5
    for row in ids:
        await asyncio.to_thread(mariadb.run, f"KILL {row[0]}")
    await asyncio.sleep(0.05)  # the server closes the sockets a moment later
    found = await asyncio.gather(*[database.fetch_val(f"SELECT {n}") for n in range(20)])
    assert found == list(range(20))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://localhost/x", "starts with 'postgresql'"),
        ("nonsense", "starts with 'nonsense'"),
    ],
)
def test_urls_that_cannot_be_used(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_database(url)


async def test_a_server_that_does_not_answer() -> None:
    db = make_database("mysql://root:geheim@127.0.0.1:9/x")
    with pytest.raises(ConfigError, match="does not answer") as caught:
        await db.connect()
    assert "geheim" not in caught.value.sentence


async def test_a_file_that_cannot_be_opened() -> None:
    db = make_database("sqlite:////proc/nowhere/x.sqlite3")
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        await db.connect()
    assert caught.value.field == "database"


async def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncmy", None)
    db = make_database("mysql+asyncmy://root@localhost/x")
    with pytest.raises(ConfigError, match="asyncmy, which is not installed"):
        await db.connect()


def slow(db: Database) -> str:
    """A query of well over 10 ms."""
    if db.url.dialect == "mysql":
        return "SELECT SLEEP(0.05)"
    return (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200000)"
        " SELECT MAX(x) FROM c"
    )


COUNT = """
import asyncio, sys
import sqlalchemy as sa
from metropole_core.db.connection import make_database
from metropole_core.db.tables import settings

async def main():
    db = make_database(sys.argv[1])
    await db.connect()
    row = sa.select(settings.c.value).with_for_update()

    async def work():
        value = await db.fetch_val(row)
        await db.execute(sa.update(settings).values(value=value + 1))

    await asyncio.gather(*[db.in_transaction(work) for _ in range(50)])
    await db.disconnect()

asyncio.run(main())
"""


async def test_three_processes_lose_no_count(database: Database, db_url: str) -> None:
    await database.execute(sa.insert(settings).values(owner="t", name="n", value=0))
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", COUNT, db_url) for _ in range(3)
    ]
    async with asyncio.timeout(50):
        assert [await process.wait() for process in started] == [0, 0, 0]
    assert await database.fetch_val(sa.select(settings.c.value)) == 150
