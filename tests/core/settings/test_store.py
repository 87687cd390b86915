"""Stored settings, on both databases."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from metropole_core.db import tables
from metropole_core.db.connection import Database
from metropole_core.keys import SiteKeys
from metropole_core.settings.store import SettingsStore


async def test_settings_are_kept(database: Database, tmp_path: Path) -> None:
    store = SettingsStore(database, SiteKeys.create(tmp_path / "key"))
    assert await store.all() == {}
    await store.set("ingest_rtmp", "limit", 3)
    await store.set("ingest_rtmp", "limit", 3)
    await store.set("ingest_rtmp", "tags", ["ä", "🎥"])
    await store.set("other", "flag", None)
    assert await store.all() == {
        "ingest_rtmp": {"limit": 3, "tags": ["ä", "🎥"]},
        "other": {"flag": None},
    }
    await store.clear("ingest_rtmp", "limit")
    await store.clear("ingest_rtmp", "limit")
    assert await store.all() == {"ingest_rtmp": {"tags": ["ä", "🎥"]}, "other": {"flag": None}}


async def test_secrets_are_encrypted_at_rest(database: Database, tmp_path: Path) -> None:
    store = SettingsStore(database, SiteKeys.create(tmp_path / "key"))
    await store.set("provider_mux", "token", "geheimnis", secret=True)
    assert await store.all() == {"provider_mux": {"token": "geheimnis"}}
    kept = await database.fetch_val(sa.select(tables.settings.c.value))
    assert "geheimnis" not in str(kept)
