"""Reads the settings: a TOML file, overridden by the environment.

Every setting of the file can be given as `METROPOLE_<NAME>`, one level down with two underscores:
`METROPOLE_PLUGIN__INGEST_RTMP__BIND=0.0.0.0:1935`. Lists are given as JSON or with commas. A key
that nobody knows is refused, since a misspelt setting that does nothing costs an evening.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from metropole_core.config.model import (
    PluginsConfig,
    SiteConfig,
    default_database,
    default_key_file,
)
from metropole_core.config.origin import ENV_PREFIX, places, variable
from metropole_core.errors import ConfigError

ENV_OTHERS = frozenset({"METROPOLE_CONFIG", "METROPOLE_ADMIN_PASSWORD", "METROPOLE_USER_PASSWORD"})
"""Variables of the command line that are no settings of the site."""

MAX_FILE = 1 << 20
"""Octets of a configuration file."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def load_config(path: Path | None, env: Mapping[str, str]) -> SiteConfig:
    """Read the settings: file, then environment. Relative paths are the file's folder's.

    Arguments:
        path: the TOML file, or None for defaults and environment alone.
        env: the environment; only names that begin with METROPOLE_ are looked at.

    Raises:
        ConfigError: names file (or variable), setting and what would be right.
    """
    table, text = _read(path) if path is not None else ({}, "")
    given, plugin_env = _read_env(env)
    merged = _merge(table, given)
    try:
        config = SiteConfig.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error, path, given)) from None
    config = _with_folder(config, merged, path.resolve().parent if path is not None else None)
    config._from_env = plugin_env
    config._places = places(table, text, path.resolve() if path is not None else None, given)
    return config


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist. Make a site with: metropole init") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_FILE:
        raise ConfigError(f"{path} is larger than 1 MiB, which no configuration is.")
    try:
        text = raw.decode("utf-8")
        return tomllib.loads(text), text
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None


def _read_env(env: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, frozenset[str]]]:
    given: dict[str, Any] = {}
    for key_name in sorted(env):
        if not key_name.startswith(ENV_PREFIX) or key_name in ENV_OTHERS:
            continue
        keys = key_name[len(ENV_PREFIX) :].lower().split("__")
        if keys[0] not in SiteConfig.model_fields:
            raise ConfigError(_unknown(f"environment variable {key_name}", keys[0], SiteConfig))
        if keys[0] == "plugin" and len(keys) != 3:
            raise ConfigError(
                f"environment variable {key_name}: a plugin's setting is named "
                "METROPOLE_PLUGIN__<PLUGIN>__<SETTING>."
            )
        table = given
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise ConfigError(f"environment variable {key_name}: {key} holds no settings.")
        table[keys[-1]] = _value(keys, env[key_name])
    plugins = given.get("plugin", {})
    return given, {name: frozenset(settings) for name, settings in plugins.items()}


def _value(keys: list[str], text: str) -> Any:
    """Lists and tables are JSON, lists of the site's own settings may also be given with
    commas; all else stays text, which pydantic reads by the field's type."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    model: type[BaseModel] = PluginsConfig if keys[0] == "plugins" else SiteConfig
    field = model.model_fields.get(keys[-1])
    if keys[0] != "plugin" and field is not None and get_origin(field.annotation) is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _with_folder(config: SiteConfig, given: dict[str, Any], folder: Path | None) -> SiteConfig:
    """Make relative paths absolute. What was not given follows `data_dir`."""
    folder = folder or Path.cwd()
    data_dir = folder / config.data_dir
    changes: dict[str, Any] = {"data_dir": data_dir}
    data = {"data_dir": data_dir}
    changes["key_file"] = (
        folder / config.key_file if "key_file" in given else default_key_file(data)
    )
    for name in ("certificate", "certificate_key"):
        given_path = getattr(config, name)
        if given_path is not None:
            changes[name] = folder / given_path
    scheme, _, rest = config.database.partition(":///")
    if "database" not in given:
        changes["database"] = default_database(data)
    elif scheme.startswith("sqlite") and rest and not rest.startswith("/"):
        changes["database"] = f"{scheme}:///{folder / rest}"
    return config.model_copy(update=changes)


def _unknown(where: str, key: str, model: type[BaseModel]) -> str:
    meant = nearest(key, model.model_fields)
    hint = f" Did you mean `{meant}`?" if meant else ""
    return f"{where}: there is no setting `{key}`.{hint}"


def _section(name: str) -> type[BaseModel]:
    """The model of that table of the file; the site's own when it is none."""
    field = SiteConfig.model_fields.get(name)
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else SiteConfig


def _explain(error: ValidationError, path: Path | None, env: dict[str, Any]) -> str:
    """The first finding as a sentence that names where it was set and what would be right."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    where = str(path) if path is not None else "configuration"
    table: Any = env
    for part in location:
        table = table.get(part) if isinstance(table, dict) else None
    if table is not None:
        where = f"environment variable {variable('.'.join(location))}"
    if first["type"] == "extra_forbidden":
        return _unknown(where, location[-1], _section(location[0]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: setting `{'.'.join(location)}`: {message[:1].lower()}{message[1:]}."
