"""What both backends share: one connection of the driver, and transactions as plain SQL."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, NamedTuple

from databases.interfaces import ConnectionBackend, TransactionBackend
from sqlalchemy.sql import ClauseElement

from metropole_core.db.rows import Row, make_rows
from metropole_core.db.statements import Statements
from metropole_core.errors import Unavailable

GATE_SECONDS = 10.0
"""How long a query waits for a connection. Longer means that all of them are stuck."""


class TransactionLost(RuntimeError):
    """A statement of the transaction was cancelled: nothing of it was stored."""

    def __init__(self) -> None:
        super().__init__("the transaction is lost: a statement in it was cancelled")


class Outcome(NamedTuple):
    """What the driver says about one statement."""

    description: Sequence[Sequence[Any]] | None
    rows: Sequence[Sequence[Any]]
    rowcount: int
    lastrowid: int


def busy() -> Unavailable:
    """Every connection was in use for `GATE_SECONDS`, or the server does not answer."""
    return Unavailable("The site is very busy. Try again in a moment.", retry_after=5)


class RawConnection(ConnectionBackend):
    """One stay at one connection of the driver, from `acquire` to `release_now`."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.dirty = False
        """A cancel came while it was in use: it is dropped, never cleaned and used again."""

    async def fetch_all(self, query: ClauseElement) -> list[Row]:  # type: ignore[override]
        return await self._fetch(query, one=False)

    async def fetch_one(self, query: ClauseElement) -> Row | None:  # type: ignore[override]
        rows = await self._fetch(query, one=True)
        return rows[0] if rows else None

    async def _fetch(self, query: ClauseElement, *, one: bool) -> list[Row]:
        statement = self._statements.compile(query)
        outcome = await self.run(statement.sql, statement.args, one=one, writes=statement.writes)
        if outcome.description is None:
            return []
        return make_rows(outcome.description, outcome.rows, statement.processors)

    async def execute(self, query: ClauseElement) -> int:
        """The new row's id for an INSERT, else the number of rows that were found."""
        statement = self._statements.compile(query)
        outcome = await self.run(statement.sql, statement.args, writes=statement.writes)
        return outcome.lastrowid if statement.inserts else outcome.rowcount

    async def execute_rows(
        self, query: ClauseElement | str, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Run one statement for each of the rows by the driver's executemany."""
        if rows:
            await self.run_many(*self._statements.compile_many(query, rows))

    async def iterate(  # type: ignore[override]
        self, query: ClauseElement
    ) -> AsyncGenerator[Row, None]:
        for row in await self.fetch_all(query):
            yield row

    def transaction(self) -> SqlTransaction:
        return SqlTransaction(self)

    async def run(self, sql: str, args: Any, *, one: bool = False, writes: bool = False) -> Outcome:
        """Send one statement."""
        raise NotImplementedError

    async def run_many(self, sql: str, args: list[Any]) -> None:
        """Send one statement with the arguments of many rows."""
        raise NotImplementedError

    async def begin(self, *, readonly: bool) -> None:
        """Start the outermost transaction."""
        raise NotImplementedError

    def release_now(self) -> None:
        """Hand the connection back, or drop it when it is dirty. Contains no await, so that no
        cancel can keep it from happening."""
        raise NotImplementedError

    def usable(self) -> None:
        """Raises TransactionLost when a cancel has spoilt it."""
        if self.dirty:
            raise TransactionLost


class SqlTransaction(TransactionBackend):
    """A transaction, or a savepoint inside one."""

    _numbers = itertools.count()

    def __init__(self, raw: RawConnection) -> None:
        self._raw = raw
        self._savepoint = ""

    async def start(self, is_root: bool, extra_options: dict[Any, Any]) -> None:
        if is_root:
            await self._raw.begin(readonly=bool(extra_options.get("readonly")))
        else:
            self._savepoint = f"metropole_{next(self._numbers)}"
            await self._send(f"SAVEPOINT {self._savepoint}")

    async def commit(self) -> None:
        await self._send(f"RELEASE SAVEPOINT {self._savepoint}" if self._savepoint else "COMMIT")

    async def rollback(self) -> None:
        await self._send(
            f"ROLLBACK TO SAVEPOINT {self._savepoint}" if self._savepoint else "ROLLBACK"
        )

    async def _send(self, sql: str) -> None:
        await self._raw.run(sql, None)
