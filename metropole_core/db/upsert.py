"""Insert a row, or change the one that has its key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.dml import Insert

from metropole_core.db.connection import Database


def upsert(
    db: Database,
    table: sa.Table,
    values: Mapping[str, Any],
    *,
    change: Collection[str] | None = None,
) -> Insert:
    """The statement for `Database.execute`, whose result says nothing about an upsert.

    Arguments:
        values: the whole row, primary key included.
        change: columns that take the new value when the primary key is there already; all
            others of `values` by default. None of them must be part of the key.
    """
    keys = [column.name for column in table.primary_key]
    changed = [name for name in values if name not in keys] if change is None else list(change)
    if db.url.dialect == "sqlite":
        row = sqlite.insert(table).values(**values)
        return row.on_conflict_do_update(
            index_elements=keys, set_={name: row.excluded[name] for name in changed}
        )
    line = mysql.insert(table).values(**values)
    return line.on_duplicate_key_update({name: line.inserted[name] for name in changed})
