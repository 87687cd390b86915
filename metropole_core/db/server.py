"""What the database server is and how it is set, for the doctor. Synchronous, changes nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from databases import DatabaseURL

from metropole_core.db.faults import explain
from metropole_core.db.sync import sync_engine
from metropole_core.errors import ConfigError

VARIABLES = (
    "character_set_database",
    "innodb_flush_log_at_trx_commit",
    "max_allowed_packet",
    "max_connections",
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A look at the database.

    Fields:
        kind: "SQLite", "MariaDB" or "MySQL".
        version: as numbers, (10, 11, 6).
        encoding: of texts, "utf8mb4" or "UTF-8".
        clock: the server's time in UTC; None for SQLite, which has the machine's.
        variables: settings of the server, those of `VARIABLES` that it knows. For SQLite:
            `journal_mode`.
        odd_tables: tables with another encoding than utf8mb4, or without transactions.
    """

    kind: str
    version: tuple[int, ...]
    encoding: str
    clock: datetime | None = None
    variables: dict[str, str] = field(default_factory=dict)
    odd_tables: tuple[str, ...] = ()


def look(url: str) -> ServerFacts:
    """Ask the database of that URL.

    Raises:
        ConfigError: it cannot be opened; the sentence says why.
    """
    parsed = DatabaseURL(url)
    try:
        if parsed.dialect == "sqlite":
            return _sqlite(Path(parsed.database))
        return _mysql(url)
    except (sqlite3.Error, sa.exc.DBAPIError) as error:
        cause = getattr(error, "orig", None) or error
        raise ConfigError(explain(cause, parsed.obscure_password), field="database") from error


def _sqlite(path: Path) -> ServerFacts:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
    try:
        encoding = connection.execute("PRAGMA encoding").fetchone()[0]
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    finally:
        connection.close()
    return ServerFacts(
        "SQLite", sqlite3.sqlite_version_info, str(encoding), variables={"journal_mode": journal}
    )


def _mysql(url: str) -> ServerFacts:
    engine = sync_engine(url)
    with engine.connect() as connection:
        version, clock = connection.exec_driver_sql("SELECT VERSION(), UTC_TIMESTAMP(6)").one()
        names = ", ".join(f"'{name}'" for name in VARIABLES)
        rows = connection.exec_driver_sql(
            f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"
        ).all()
        variables = {str(name): str(value) for name, value in rows}
        encoding = connection.exec_driver_sql("SELECT @@character_set_database").scalar_one()
        odd = connection.exec_driver_sql(
            "SELECT TABLE_NAME FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
            " AND (TABLE_COLLATION NOT LIKE 'utf8mb4%%' OR ENGINE <> 'InnoDB')"
            " ORDER BY TABLE_NAME LIMIT 20"
        ).all()
    engine.dispose()
    return ServerFacts(
        "MariaDB" if "mariadb" in str(version).lower() else "MySQL",
        version_numbers(str(version)),
        str(encoding),
        clock.replace(tzinfo=UTC),
        variables,
        tuple(str(row[0]) for row in odd),
    )


def version_numbers(text: str) -> tuple[int, ...]:
    """(10, 11, 6) of "10.11.6-MariaDB-0+deb12u1". Before release 11, MariaDB may put "5.5.5-" in
    front for old clients."""
    text = text.removeprefix("5.5.5-")
    numbers = []
    for part in text.partition("-")[0].split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
