"""SQLite: a few connections that stay open, and one writer at a time in a fair queue."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import Any

import aiosqlite
from databases.backends.sqlite import SQLiteBackend as StockBackend
from databases.core import DatabaseURL

from metropole_core.db.faults import is_full, is_locked
from metropole_core.db.raw import GATE_SECONDS, Outcome, RawConnection, busy
from metropole_core.db.statements import Statements
from metropole_core.db.watch import Watch

PRAGMAS = (
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=5000",  # milliseconds; for other processes, this one has its own queue
    "temp_store=MEMORY",
)
MAX_CONNECTIONS = 8


class SQLiteBackend(StockBackend):
    """Opened by `Database` for sqlite:// URLs."""

    def __init__(self, database_url: DatabaseURL | str, max_size: int = MAX_CONNECTIONS) -> None:
        super().__init__(database_url)
        self.path = self._database_url.database
        self.statements = Statements(self._dialect)
        self.free: list[aiosqlite.Connection] = []
        self.gate = asyncio.Semaphore(max_size)
        self.write_lock = asyncio.Lock()
        self._anchor: aiosqlite.Connection | None = None
        self.max_size = max_size
        self.running = False
        self.watch = Watch(self._attempt, suspect=float("inf"))
        """Of those who write: others read on while a file is locked."""
        self._dropping: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        # One connection now: a file that cannot be opened is found at start, and the change to
        # WAL, which stays with the file, is made before others use it.
        first = await self.open()
        await first.execute_fetchall("PRAGMA journal_mode=WAL")
        self.free.append(first)
        # Never used and never dropped: when the last connection of all is closed, SQLite removes
        # the files beside the database, and on a full disk nobody could make them again to read.
        self._anchor = await self.open()
        await self._anchor.execute_fetchall("SELECT 1 FROM sqlite_master LIMIT 1")
        self.running = True
        self.watch.start()

    async def disconnect(self) -> None:
        self.running = False
        await self.watch.stop()
        while self.free:
            await self.free.pop().close()
        anchor, self._anchor = self._anchor, None
        if anchor is not None:
            await anchor.close()
        if self._dropping:
            await asyncio.wait(self._dropping, timeout=GATE_SECONDS)

    async def _attempt(self) -> None:
        """Take the lock that writers need, and give it back."""
        await asyncio.to_thread(_take_lock, self.path)

    def connection(self) -> SQLiteConnection:  # type: ignore[override]
        return SQLiteConnection(self)

    async def open(self) -> aiosqlite.Connection:
        """A new connection with its settings."""
        connection = aiosqlite.connect(self.path, isolation_level=None)
        connection._thread.daemon = True  # a process that dies must not wait for it
        try:
            await connection
            for pragma in PRAGMAS:
                await connection.execute_fetchall(f"PRAGMA {pragma}")
        except BaseException:
            connection.stop()
            raise
        return connection

    def drop(self, connection: aiosqlite.Connection, *, writing: bool) -> None:
        """Close a connection after whatever still runs on its thread; frees its slot then."""
        task = asyncio.ensure_future(self._drop(connection, writing))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def _drop(self, connection: aiosqlite.Connection, writing: bool) -> None:
        try:
            # Closing alone can leave a zombie transaction that keeps the write lock.
            with contextlib.suppress(Exception):
                await connection.rollback()
            stopped = connection.stop()
            if stopped is not None:
                await stopped
        finally:
            self.done(writing=writing)

    def done(self, *, writing: bool) -> None:
        if writing:
            self.write_lock.release()
        self.gate.release()


class SQLiteConnection(RawConnection):
    """One stay at a connection of the free list."""

    def __init__(self, backend: SQLiteBackend) -> None:
        super().__init__(backend.statements)
        self._backend = backend
        self._connection: aiosqlite.Connection | None = None
        self._writing = False
        self._in_transaction = False

    @property
    def raw_connection(self) -> Any:
        return self._connection

    async def acquire(self) -> None:
        backend = self._backend
        if not backend.running:
            raise RuntimeError("the database is not connected")
        try:
            async with asyncio.timeout(GATE_SECONDS):
                await backend.gate.acquire()
        except TimeoutError:
            raise busy() from None
        try:
            self._connection = backend.free.pop() if backend.free else await backend.open()
        except sqlite3.Error as error:
            backend.gate.release()
            raise backend.watch.full(error) from error
        except BaseException:
            backend.gate.release()
            raise

    def release_now(self) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None
        if self.dirty or not self._backend.running:
            self._backend.drop(connection, writing=self._writing)
        else:
            self._backend.free.append(connection)
            self._backend.done(writing=self._writing)
        self._writing = self._in_transaction = False

    async def run(self, sql: str, args: Any, *, one: bool = False, writes: bool = False) -> Outcome:
        outcome: Outcome = await self._hop(_run, sql, args or (), one, writes=writes)
        return outcome

    async def run_many(self, sql: str, args: list[Any]) -> None:
        await self._hop(_run_many, sql, args, writes=True)

    async def begin(self, *, readonly: bool) -> None:
        self._in_transaction = True
        if readonly:
            await self.run("BEGIN", None)
        else:
            # IMMEDIATE: a transaction that reads first and writes later would be refused at once
            # when another one wrote in between, whatever the busy timeout.
            await self._lock()
            await self.run("BEGIN IMMEDIATE", None)

    async def _hop(self, work: Any, *args: Any, writes: bool) -> Any:
        """Do it on the connection's thread, in one hop."""
        self.usable()
        alone = writes and not self._in_transaction
        if alone:
            await self._lock()
        assert self._connection is not None
        try:
            run: Any = self._connection._execute
            result = await run(work, self._connection, *args)
        except Exception as error:
            if alone:
                self._unlock()
            if is_locked(error):
                raise self._backend.watch.locked(error) from error
            if is_full(error):
                raise self._backend.watch.full(error) from error
            raise
        # After a cancel the thread still works: the lock is kept until the connection is dropped.
        if alone:
            self._unlock()
        return result

    async def _lock(self) -> None:
        if self._writing:
            return
        watch = self._backend.watch
        watch.check()
        try:
            async with asyncio.timeout(GATE_SECONDS) as limit:
                with watch.waiting(limit):
                    await self._backend.write_lock.acquire()
        except TimeoutError:
            watch.check()
            raise busy() from None
        self._writing = True

    def _unlock(self) -> None:
        self._writing = False
        self._backend.write_lock.release()


def _take_lock(path: str) -> None:
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _run(connection: aiosqlite.Connection, sql: str, args: Any, one: bool) -> Outcome:
    raw: sqlite3.Connection = connection._conn
    cursor = raw.execute(sql, args)
    try:
        rows: list[Any] = []
        if cursor.description is not None:
            first = cursor.fetchone() if one else None
            rows = ([] if first is None else [first]) if one else cursor.fetchall()
        return Outcome(cursor.description, rows, cursor.rowcount, cursor.lastrowid or 0)
    finally:
        cursor.close()


def _run_many(connection: aiosqlite.Connection, sql: str, args: list[Any]) -> None:
    raw: sqlite3.Connection = connection._conn
    if raw.in_transaction:
        raw.executemany(sql, args).close()
        return
    # Outside a transaction each row would be one of its own, and a bad one would leave half.
    raw.execute("BEGIN IMMEDIATE").close()
    try:
        raw.executemany(sql, args).close()
    except BaseException:
        raw.rollback()
        raise
    raw.commit()
