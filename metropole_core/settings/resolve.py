"""Settings of plugins: defaults < database (admin page) < TOML file < environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from metropole_core.config import Origin, SiteConfig, nearest, variable
from metropole_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """A plugin's settings as they hold now.

    Fields:
        value: an instance of the plugin's `Settings`.
        origins: where each field's value came from.
    """

    value: BaseModel
    origins: Mapping[str, Origin]


class NoSettings(BaseModel, extra="forbid"):
    """The settings of a plugin that declares none."""


def resolve(
    plugin: str, model: type[BaseModel], stored: Mapping[str, Any], config: SiteConfig
) -> PluginSettings:
    """Put a plugin's settings together.

    Arguments:
        plugin: its name.
        model: its `Settings`.
        stored: what the database holds for it; what the model no longer knows is passed over,
            since an update of the plugin may have dropped it.

    Raises:
        ConfigError: naming plugin, field and where the value came from.
    """
    given = config.plugin.get(plugin, {})
    from_env = config.from_environment(plugin)
    for key in given:
        if key not in model.model_fields:
            meant = nearest(key, model.model_fields)
            hint = f" Did you mean `{meant}`?" if meant else ""
            place = _place(plugin, key, Origin.ENVIRONMENT if key in from_env else Origin.FILE)
            raise ConfigError(f"plugin {plugin}: there is no setting `{key}` ({place}).{hint}")
    values = {key: value for key, value in stored.items() if key in model.model_fields}
    origins = dict.fromkeys(model.model_fields, Origin.DEFAULT)
    origins |= dict.fromkeys(values, Origin.DATABASE)
    values |= given
    origins |= {key: Origin.ENVIRONMENT if key in from_env else Origin.FILE for key in given}
    try:
        return PluginSettings(model.model_validate(values), origins)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        top = str(first["loc"][0]) if first["loc"] else ""
        message = first["msg"].removeprefix("Value error, ")
        place = _place(plugin, top, origins.get(top, Origin.DEFAULT))
        raise ConfigError(
            f"plugin {plugin}: setting `{field}` ({place}): {message[:1].lower()}{message[1:]}."
            if field
            else f"plugin {plugin}: {message}."
        ) from None


def _place(plugin: str, field: str, origin: Origin) -> str:
    match origin:
        case Origin.ENVIRONMENT:
            return f"environment variable {variable(f'plugin.{plugin}.{field}')}"
        case Origin.FILE:
            return f"configuration, table [plugin.{plugin}]"
        case Origin.DATABASE:
            return "set on the admin page"
        case Origin.DEFAULT:
            return "not set"


def is_secret(model: type[BaseModel], field: str) -> bool:
    """Whether a field's value must be encrypted at rest and never be sent to a browser."""
    info = model.model_fields.get(field)
    return info is not None and (
        info.annotation is SecretStr or SecretStr in getattr(info.annotation, "__args__", ())
    )
