"""The watch over a database, on servers that are there and only refuse one connection more."""

from __future__ import annotations

import asyncio

import pytest

from metropole_core.db.connection import Database, make_database
from metropole_core.db.mysql import MAX_CONNECTIONS
from metropole_core.errors import DatabaseAway
from tests.conftest import MariaDB


async def _slow(db: Database, seconds: float = 2.0) -> None:
    """By default longer than anybody waits for a server without having it tried out."""
    await db.fetch_all(f"SELECT SLEEP({seconds})")


async def test_a_server_that_has_no_connection_left_for_a_try_is_there(
    mariadb: MariaDB, mariadb_url: str
) -> None:
    """Hosters often give an account as many connections as the pool takes."""
    mariadb.run(f"CREATE USER 'few'@'localhost' WITH MAX_USER_CONNECTIONS {MAX_CONNECTIONS}")
    mariadb.run("GRANT ALL ON *.* TO 'few'@'localhost'")
    db = make_database(mariadb_url.replace("root@", "few@"))
    await db.connect()
    try:
        await asyncio.gather(*(_slow(db, 0.1) for _ in range(MAX_CONNECTIONS)))
        # The pool is full, nearly all of it idle.
        await _slow(db)
        assert await db.fetch_val("SELECT 1") == 1
    finally:
        await db.disconnect()
        mariadb.run("DROP USER 'few'@'localhost'")


async def test_who_gets_no_connection_is_told_to_come_back(
    mariadb: MariaDB, mariadb_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    mariadb.run("CREATE USER 'fewer'@'localhost' WITH MAX_USER_CONNECTIONS 1")
    mariadb.run("GRANT ALL ON *.* TO 'fewer'@'localhost'")
    db = make_database(mariadb_url.replace("root@", "fewer@"))
    await db.connect()
    try:
        first = asyncio.ensure_future(_slow(db))
        await asyncio.sleep(0.1)
        for _ in range(3):
            with pytest.raises(DatabaseAway):
                await db.fetch_val("SELECT 1")
        assert len(caplog.records) == 1
        assert "Let it give more connections" in caplog.text
        await first
        assert await db.fetch_val("SELECT 1") == 1
    finally:
        await db.disconnect()
        mariadb.run("DROP USER 'fewer'@'localhost'")
