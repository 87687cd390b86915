"""Settings that were made on the admin page, one row each. Secrets are encrypted at rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from metropole_core.db import tables

if TYPE_CHECKING:
    from metropole_core.db.connection import Database
    from metropole_core.keys import SiteKeys

PURPOSE = "settings"
PLAIN, SECRET = "value", "secret"


class SettingsStore:
    """The table `settings`.

    Arguments:
        db: the site's database.
        keys: encrypt what is secret.
    """

    def __init__(self, db: Database, keys: SiteKeys) -> None:
        self._db = db
        self._keys = keys

    async def all(self) -> dict[str, dict[str, Any]]:
        """Every stored setting, by plugin and name."""
        rows = await self._db.fetch_all(sa.select(tables.settings))
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            found.setdefault(row.owner, {})[row.name] = self._open(row.value)
        return found

    async def set(self, owner: str, name: str, value: Any, *, secret: bool = False) -> None:
        """Keep one setting. `value` must be something that JSON can hold; a secret is text."""
        kept = {SECRET: self._keys.encrypt(PURPOSE, value)} if secret else {PLAIN: value}
        table = tables.settings

        async def write() -> None:
            await self._db.execute(
                table.delete().where(table.c.owner == owner, table.c.name == name)
            )
            await self._db.execute(table.insert().values(owner=owner, name=name, value=kept))

        await self._db.in_transaction(write)

    async def clear(self, owner: str, name: str) -> None:
        """Back to what file, environment or the plugin say."""
        table = tables.settings
        await self._db.execute(table.delete().where(table.c.owner == owner, table.c.name == name))

    def _open(self, kept: Mapping[str, Any]) -> Any:
        if SECRET in kept:
            return self._keys.decrypt(PURPOSE, kept[SECRET])
        return kept[PLAIN]
