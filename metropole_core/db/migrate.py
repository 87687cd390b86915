"""Bring a database to a revision: Alembic without its command or ini file.

Synchronous: it runs before the site starts. Safe when several processes start at once, and when
it is cut off on SQLite (a revision is one transaction there; MySQL commits every change of a
table at once, so keep a revision small).
"""

from __future__ import annotations

import contextlib
import fcntl
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import DatabaseURL
from sqlalchemy.pool import NullPool

from metropole_core.db.faults import explain
from metropole_core.errors import ConfigError, Unavailable

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_core"
LOCK_SECONDS = 60
"""How long one process waits for another that migrates."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`; does nothing when it is there already.

    Raises:
        ConfigError: it cannot be opened, or is newer than this release.
        Unavailable: another process has been migrating for a minute.
    """
    _run(url, lambda scripts, current: scripts._upgrade_revs(revision, current))


def downgrade(url: str, revision: str) -> None:
    """Bring the database down to `revision` ("base": no table is left). Raises as `upgrade`."""
    _run(url, lambda scripts, current: scripts._downgrade_revs(revision, current))


def current(url: str) -> str | None:
    """The database's revision, None when it is empty.

    Raises:
        ConfigError: it cannot be opened.
    """
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite" and not Path(parsed.database).exists():
        return None
    with _connection(url) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def head() -> str:
    """The newest revision that this release knows."""
    newest = _scripts().get_current_head()
    assert newest is not None
    return newest


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
            connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")

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


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


def _run(url: str, steps: Callable[[ScriptDirectory, Any], Any]) -> None:
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite":
        with contextlib.suppress(OSError):  # the error of opening says more
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    scripts = _scripts()
    with _lock(url), _connection(url) as connection:
        if parsed.dialect == "sqlite":
            # It stays with the file. Processes that start at once would refuse each other.
            connection.connection.execute("PRAGMA journal_mode=WAL")
        known = {script.revision for script in scripts.walk_revisions()}
        there = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        ).get_current_revision()
        if there is not None and there not in known:
            raise ConfigError(
                f"The database is at revision {there}, which this release of Metropole does not"
                " know: it was used with a newer one. Install that, or restore a backup.",
                field="database",
            )
        connection.rollback()
        environment = EnvironmentContext(
            _config(), scripts, fn=lambda revision, _: steps(scripts, revision)
        )
        with environment:
            environment.configure(
                connection=connection,
                version_table=VERSION_TABLE,
                render_as_batch=True,
                transaction_per_migration=True,
            )
            environment.run_migrations()


@contextlib.contextmanager
def _connection(url: str) -> Iterator[sa.Connection]:
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


@contextlib.contextmanager
def _lock(url: str) -> Iterator[None]:
    """One process migrates at a time."""
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite":
        with _file_lock(Path(parsed.database)):
            yield
        return
    with _connection(url) as connection:
        name = f"metropole_migrate_{parsed.database}"[:64]  # the server's limit
        got = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, LOCK_SECONDS)).scalar()
        if got != 1:
            raise Unavailable(
                "Another process has been migrating the database for a minute. Try again when"
                " it is done.",
                retry_after=LOCK_SECONDS,
            )
        try:
            yield
        finally:
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        file = path.with_name(path.name + ".migrate.lock").open("a")
    except OSError as error:
        raise ConfigError(
            f"The database file {path} cannot be written ({error.strerror}). Check folder and"
            " rights.",
            field="database",
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed by the system when this process ends
        yield
