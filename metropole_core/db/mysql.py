"""MySQL and MariaDB by aiomysql or asyncmy: a fair gate in front of the driver's pool."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import importlib
from collections.abc import AsyncIterator
from typing import Any

from databases.backends.mysql import MySQLBackend as StockBackend
from databases.core import DatabaseURL

from metropole_core.db.faults import is_broken, is_crowded, is_full
from metropole_core.db.raw import GATE_SECONDS, Outcome, RawConnection, busy
from metropole_core.db.statements import Statements
from metropole_core.db.watch import Watch
from metropole_core.errors import ConfigError

MAX_CONNECTIONS = 10
ANSWER_SECONDS = 20.0
"""How long one statement, or a new connection, may take. A server that is cut off without a word
would else keep all connections for ever."""
CLIENT_FOUND_ROWS = 2
"""Capability flag: an UPDATE counts the rows it found, as SQLite does, not those that differ."""

# Executable comments: MariaDB and MySQL 8 call the isolation level by different names.
INIT_COMMAND = (
    "SET SESSION time_zone='+00:00',"
    " sql_mode='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
    "/*M!, tx_isolation='READ-COMMITTED'*/"
    "/*!80000, transaction_isolation='READ-COMMITTED'*/"
)


class MySQLBackend(StockBackend):
    """Opened by `Database` for mysql:// and mysql+aiomysql:// URLs."""

    driver = "aiomysql"

    def __init__(self, database_url: DatabaseURL | str, **options: Any) -> None:
        super().__init__(database_url, **{"min_size": 1, "max_size": MAX_CONNECTIONS, **options})
        self.statements = Statements(self._dialect)
        self.gate = asyncio.Semaphore(0)
        self.max_size = 0
        self.watch = Watch(self._attempt)
        self._driver: Any = None
        self._how: dict[str, Any] = {}

    async def connect(self) -> None:
        try:
            driver = self._driver = importlib.import_module(self.driver)
        except ImportError:
            raise ConfigError(
                f"The database URL asks for the driver {self.driver}, which is not installed."
                f" Install it with pip, or start the URL with mysql:// to use aiomysql.",
                field="database",
            ) from None
        url = self._database_url
        options = self._get_connection_kwargs()
        self.max_size = int(options["maxsize"])
        sizes = {name: options.pop(name) for name in ("minsize", "maxsize") if name in options}
        self._how = {
            "host": url.hostname or "localhost",
            "port": url.port or 3306,
            "user": url.username or getpass.getuser(),
            "password": url.password or "",
            "db": url.database,
            "autocommit": True,
            "charset": "utf8mb4",
            "connect_timeout": GATE_SECONDS,
            "client_flag": CLIENT_FOUND_ROWS,
            "init_command": INIT_COMMAND,
        } | {name: value for name, value in options.items() if name != "pool_recycle"}
        recycle = {name: options[name] for name in ("pool_recycle",) if name in options}
        self._pool: Any = await driver.create_pool(**self._how, **sizes, **recycle)
        self.gate = asyncio.Semaphore(self.max_size)
        self.watch.start()

    async def _attempt(self) -> None:
        """A connection of its own, since those of the pool may all be stuck."""
        try:
            connection = await self._driver.connect(**self._how)
        except Exception as error:
            if is_crowded(error):
                return  # it answers, and those of the pool may work
            raise
        try:
            async with connection.cursor() as cursor:
                await cursor.execute("SELECT 1")
        finally:
            connection.close()

    async def disconnect(self) -> None:
        await self.watch.stop()
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        pool.close()
        try:
            async with asyncio.timeout(GATE_SECONDS):
                await pool.wait_closed()
        except TimeoutError:
            pool.terminate()

    def connection(self) -> MySQLConnection:  # type: ignore[override]
        return MySQLConnection(self)


class AsyncMyBackend(MySQLBackend):
    """Opened by `Database` for mysql+asyncmy:// URLs."""

    driver = "asyncmy"


class MySQLConnection(RawConnection):
    """One stay at a connection of the pool."""

    def __init__(self, backend: MySQLBackend) -> None:
        super().__init__(backend.statements)
        self._backend = backend
        self._connection: Any = None
        self._pool: Any = None

    @property
    def raw_connection(self) -> Any:
        return self._connection

    async def acquire(self) -> None:
        backend = self._backend
        self._pool = backend._pool
        if self._pool is None:
            raise RuntimeError("the database is not connected")
        # The pool wakes no waiter when a closed connection comes back, so none may ever wait
        # there: whoever passes this gate finds a connection or room for one.
        self.dirty = False
        backend.watch.check()
        async with self._answering(GATE_SECONDS):
            await backend.gate.acquire()
        try:
            backend.watch.check()
            async with self._answering(ANSWER_SECONDS):
                self._connection = await self._pool.acquire()
        except BaseException:
            backend.gate.release()
            raise

    def release_now(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if self.dirty:
                connection.close()  # the server rolls back
            self._pool.release(connection)  # synchronous; the future it returns needs no await
        finally:
            self._backend.gate.release()

    async def run(self, sql: str, args: Any, *, one: bool = False, writes: bool = False) -> Outcome:
        self.usable()
        async with self._answering(ANSWER_SECONDS), self._connection.cursor() as cursor:
            await cursor.execute(sql, args)
            if cursor.description is None:
                return Outcome(None, (), cursor.rowcount, cursor.lastrowid or 0)
            if one:
                row = await cursor.fetchone()
                rows = () if row is None else (row,)
            else:
                rows = await cursor.fetchall()
            return Outcome(cursor.description, rows, cursor.rowcount, cursor.lastrowid or 0)

    async def run_many(self, sql: str, args: list[Any]) -> None:
        self.usable()
        # A bad row must not leave those before it: executemany may send several statements.
        alone = not self._connection.get_transaction_status()
        async with self._answering(ANSWER_SECONDS), self._connection.cursor() as cursor:
            if alone:
                await cursor.execute("START TRANSACTION")
            try:
                await cursor.executemany(sql, args)
            except Exception:
                if alone:
                    with contextlib.suppress(Exception):
                        await cursor.execute("ROLLBACK")
                raise
            if alone:
                await cursor.execute("COMMIT")

    async def begin(self, *, readonly: bool) -> None:
        await self.run("START TRANSACTION READ ONLY" if readonly else "START TRANSACTION", None)

    @contextlib.asynccontextmanager
    async def _answering(self, seconds: float) -> AsyncIterator[None]:
        """Wait for the server, so long at most and no longer than it is known to be there.

        Raises:
            Unavailable: it does not answer, gives no connection, or cannot work.
        """
        watch = self._backend.watch
        try:
            async with asyncio.timeout(seconds) as limit:
                with watch.waiting(limit):
                    yield
        except TimeoutError:
            self.dirty = True  # the answer may still come
            watch.check()
            raise busy() from None
        except Exception as error:
            if is_broken(error):
                self.dirty = True
                raise watch.broke(error) from error
            if is_crowded(error):
                raise watch.crowded(error) from error
            if is_full(error):
                raise watch.full(error) from error
            raise
