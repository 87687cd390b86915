"""Bring a database to a revision: Alembic without its command or ini file.

Synchronous: it runs before the site starts. Safe when several processes start at once, and when
it is cut off on SQLite (a revision is one transaction there; MySQL commits every change of a
table at once, so keep a revision small).
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import DatabaseURL

from metropole_core.db.revision import FOLDER, VERSION_TABLE
from metropole_core.db.revision import current as current
from metropole_core.db.revision import head as head
from metropole_core.db.sync import connect
from metropole_core.db.sync import sync_engine as sync_engine
from metropole_core.errors import ConfigError, Unavailable

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
    with _lock(url), connect(url) as connection:
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
def _lock(url: str) -> Iterator[None]:
    """One process migrates at a time."""
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite":
        with _file_lock(Path(parsed.database)):
            yield
        return
    with connect(url) as connection:
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
