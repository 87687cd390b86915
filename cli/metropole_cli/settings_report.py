"""Every setting with its value and where it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metropole_cli.secrecy import redact
from metropole_core.config import Origin, settings_of

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

DATABASE_SECONDS = 3.0
Stored = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. `place`: file and line, or the environment variable; empty for a default."""

    setting: str
    value: Any
    origin: Origin
    place: str


def site_settings(config: SiteConfig) -> list[Row]:
    """Those of the site itself."""
    rows = []
    for setting in settings_of(type(config)):
        if setting == "plugin":
            continue  # each plugin's follow
        value = reduce(getattr, setting.split("."), config)
        place = config.place(setting)
        rows.append(Row(setting, _plain(setting, value), place.origin, place.place))
    return rows


def plugin_settings(config: SiteConfig, stored: Stored) -> tuple[list[Row], list[str]]:
    """Those of every plugin that can be loaded, and what is wrong with the others."""
    from metropole_core.config import nearest
    from metropole_core.discovery import PluginState, discover
    from metropole_core.errors import ConfigError
    from metropole_core.settings import NoSettings, resolve

    rows: list[Row] = []
    problems: list[str] = []
    names = []
    for candidate in discover(config.plugins):
        record = candidate.record
        names.append(record.name)
        if candidate.cls is None:
            if record.state in (PluginState.FAILED, PluginState.INCOMPATIBLE):
                problems.append(f"plugin {record.name}: {record.reason}")
            continue
        try:
            model = candidate.settings or NoSettings
            found = resolve(record.name, model, stored.get(record.name, {}), config)
        except ConfigError as error:
            problems.append(error.sentence)
            continue
        for field, origin in found.origins.items():
            setting = f"plugin.{record.name}.{field}"
            value = _plain(field, getattr(found.value, field))
            rows.append(Row(setting, value, origin, config.place(setting).place))
    for name in [*config.plugins.enabled, *config.plugins.disabled, *config.plugin]:
        if name not in names:
            meant = nearest(name, names)
            hint = f" Did you mean {meant}?" if meant else ""
            problems.append(f"no plugin {name} is installed, but the settings name it.{hint}")
    return rows, problems


def _plain(name: str, value: Any) -> Any:
    value = redact(name.rpartition(".")[2], value)
    return str(value) if isinstance(value, Path) else value


async def read_stored(config: SiteConfig) -> tuple[Stored, str]:
    """What the admin page has stored, by plugin; empty, with a sentence, when it cannot be
    read."""
    from metropole_core.db.connection import make_database
    from metropole_core.errors import MetropoleError
    from metropole_core.keys import SiteKeys
    from metropole_core.settings.store import SettingsStore

    scheme, _, file = config.database.partition(":///")
    if scheme.startswith("sqlite") and not Path(file).exists():
        return {}, ""  # nothing was made yet
    try:
        database = make_database(config.database)
        async with asyncio.timeout(DATABASE_SECONDS):
            await database.connect()
            try:
                keys = SiteKeys.load(config.key_file)
                return await SettingsStore(database, keys).all(), ""
            finally:
                await database.disconnect()
    except MetropoleError as error:
        reason = error.sentence
    except Exception as error:
        reason = str(error) or "no answer in time"
    return {}, f"settings of the admin page are left out, they could not be read: {reason}"
