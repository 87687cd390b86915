"""The site's database connection.

Built on `databases` 0.9.0, whose classes lose connections when a task is cancelled; the modules
beside this one replace the parts that do. They lean on private parts of `databases`, `aiosqlite`
and SQLAlchemy, which are pinned for that; `Database.self_test` says in words when one is missing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from databases import core
from sqlalchemy.sql import ClauseElement

from metropole_core.db.faults import explain, is_transient
from metropole_core.db.rows import Row
from metropole_core.db.transaction import Connection, Transaction
from metropole_core.errors import ConfigError

T = TypeVar("T")
RETRIES = 12
"""Of a transaction that the server broke off; 5 were too few in a storm of deadlocks."""

_BACKENDS = {
    "sqlite": "metropole_core.db.sqlite:SQLiteBackend",
    "sqlite+aiosqlite": "metropole_core.db.sqlite:SQLiteBackend",
    "mysql": "metropole_core.db.mysql:MySQLBackend",
    "mysql+aiomysql": "metropole_core.db.mysql:MySQLBackend",
    "mysql+asyncmy": "metropole_core.db.mysql:AsyncMyBackend",
}


class Database(core.Database):
    """Queries and transactions. Statements are SQLAlchemy Core, or text with `:name` parameters.

    Each task has its own connection while it needs one; a transaction holds it. Inside a
    transaction start no task that queries: it would not see what is not committed, and wait for
    a connection that others hold. All waits are bounded by 20 s and end in `Unavailable`.
    """

    SUPPORTED_BACKENDS = _BACKENDS

    async def connect(self) -> None:
        """Open it.

        Raises:
            ConfigError: the server cannot be reached or refuses; the sentence says which.
        """
        try:
            await super().connect()
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                explain(error, self.url.obscure_password), field="database"
            ) from error

    async def execute(
        self, query: ClauseElement | str, values: dict[str, Any] | None = None
    ) -> int:
        """The new row's id for an INSERT, else how many rows were found. Not to be used of an
        upsert."""
        result: int = await super().execute(query, values)
        return result

    async def fetch_all(  # type: ignore[override]
        self, query: ClauseElement | str, values: dict[str, Any] | None = None
    ) -> list[Row]:
        """Every row."""
        async with self.connection() as connection:
            return await connection.fetch_all(query, values)  # type: ignore[return-value]

    async def fetch_one(  # type: ignore[override]
        self, query: ClauseElement | str, values: dict[str, Any] | None = None
    ) -> Row | None:
        """The first row, or None."""
        async with self.connection() as connection:
            return await connection.fetch_one(query, values)  # type: ignore[return-value]

    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self, self._backend)
        connection = self._connection
        assert isinstance(connection, Connection)
        return connection

    def transaction(self, *, force_rollback: bool = False, **options: Any) -> Transaction:
        """All or nothing. `readonly=True` does not take SQLite's write lock."""
        return Transaction(self.connection, force_rollback, **options)

    async def in_transaction(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again from its start when the server broke it off
        (deadlock, lock wait). `work` must have no effect but in the database. Inside another
        transaction it is a savepoint and runs once: only the whole can be tried again."""
        if self._connection is not None and self.connection()._transaction_stack:
            async with self.transaction():
                return await work()
        for attempt in range(RETRIES):
            try:
                async with self.transaction():
                    return await work()
            except Exception as error:
                if attempt == RETRIES - 1 or not is_transient(error):
                    raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    async def ping(self) -> float:
        """Ask the database for a sign of life; seconds that it took. Raises what every query
        does."""
        began = time.perf_counter()
        await self.fetch_val("SELECT 1")
        return time.perf_counter() - began

    async def self_test(self) -> None:
        """Try at start what this module leans on.

        Raises:
            ConfigError: an installed library is not the one this was written for.
        """
        try:
            missing = await self._try_everything()
        except (AttributeError, TypeError, ImportError) as error:
            missing = str(error)
        if missing:
            raise ConfigError(
                "The installed versions of databases, SQLAlchemy or the database driver do not"
                f" fit this release of Metropole ({missing}). Install it again with its own"
                " requirements.",
                field="database",
            )

    async def _try_everything(self) -> str:
        number = sa.select(sa.literal(1).label("one"), sa.bindparam("two", type_=sa.Integer))
        for value in (2, 3):  # the second one comes from the cache of compiled statements
            row = await self.fetch_one(number, {"two": value})
            if row is None or tuple(row) != (1, value):
                return "values come back wrong"
            if not row.one == row["one"] == row[0] == 1:
                return "columns have no names"
        if await self.fetch_val(sa.select(sa.literal(5).in_([4, 5]).label("found"))) != 1:
            return "IN finds nothing"
        async with self.transaction(readonly=True), self.transaction():
            if await self.fetch_val("SELECT :x", {"x": "%"}) != "%":
                return "text is mangled"
        return "" if self._connection is None else "a connection is not given back"


def make_database(url: str) -> Database:
    """The database of that URL: sqlite:///file, mysql://user:password@host/name, or
    mysql+asyncmy:// when that driver is installed.

    Raises:
        ConfigError: it is none of these.
    """
    scheme = url.partition(":")[0]
    if scheme not in _BACKENDS:
        raise ConfigError(
            f"The setting database starts with {scheme!r}. Use sqlite:///file or"
            " mysql://user:password@host/name.",
            field="database",
        )
    return Database(url)
