"""Synchronous connections: for what runs before the site does, and beside it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from databases import DatabaseURL
from sqlalchemy.pool import NullPool

from metropole_core.db.faults import explain
from metropole_core.errors import ConfigError

BUSY_SECONDS = 60
"""How long SQLite waits for another process that writes."""


def sync_engine(url: str) -> sa.Engine:
    """An engine for scripts and tests, without a pool. Foreign keys are not enforced on SQLite:
    a table that Alembic makes anew would take the rows of its children with it."""
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite":
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=parsed.database), poolclass=NullPool
        )

        # The driver's own transactions end at each change of a table; these do not.
        @sa.event.listens_for(engine, "connect")
        def on_connect(connection: Any, _: object) -> None:
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")

        @sa.event.listens_for(engine, "begin")
        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine
    if parsed.dialect != "mysql":
        raise ConfigError(
            "The setting database is neither sqlite:///file nor mysql://user:password@host/name.",
            field="database",
        )
    options: dict[str, Any] = {"init_command": "SET SESSION time_zone='+00:00'"}
    if "unix_socket" in parsed.options:
        options["unix_socket"] = parsed.options["unix_socket"]
    if parsed.options.get("ssl") == "true":
        options["ssl"] = ssl.create_default_context()
    return sa.create_engine(
        sa.URL.create(
            "mysql+pymysql",
            username=parsed.username,
            password=parsed.password,
            host=parsed.hostname or "localhost",
            port=parsed.port or 3306,
            database=parsed.database,
            query={"charset": "utf8mb4"},
        ),
        connect_args=options,
        poolclass=NullPool,
    )


@contextlib.contextmanager
def connect(url: str) -> Iterator[sa.Connection]:
    """A connection for as long as it is needed.

    Raises:
        ConfigError: it cannot be opened.
    """
    engine = sync_engine(url)
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        cause = error.orig or error
        raise ConfigError(
            explain(cause, DatabaseURL(url).obscure_password), field="database"
        ) from (error)
    with connection:
        yield connection
    engine.dispose()
