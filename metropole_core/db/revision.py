"""Which revision a database has, and which this release wants.

Apart from the migrations themselves, because every start of a site asks and Alembic takes a
quarter of the time that a start needs.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from databases import DatabaseURL

from metropole_core.db.sync import connect

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_core"


def current(url: str) -> str | None:
    """The database's revision, None when it is empty.

    Raises:
        ConfigError: it cannot be opened.
    """
    parsed = DatabaseURL(url)
    if parsed.dialect == "sqlite" and not Path(parsed.database).exists():
        return None
    with connect(url) as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        version = sa.column("version_num", sa.String())
        return connection.scalar(sa.select(version).select_from(sa.table(VERSION_TABLE)))


def head() -> str:
    """The newest revision that this release knows: their files begin with it, and count up."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))
