"""Where each setting came from, for people who wonder which of three places wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ENV_PREFIX = "METROPOLE_"
HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_"'-]+)*)\s*=""")
QUOTES = re.compile("\"\"\"|'''")


class Origin(str, Enum):
    """Where a value came from. What file or environment fixed is shown locked."""

    DEFAULT = "default"
    DATABASE = "database"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting stands: "/srv/metropole.toml:12", "METROPOLE_BIND", empty for a default."""

    origin: Origin
    place: str = ""


def variable(setting: str) -> str:
    """The environment variable of a setting: METROPOLE_LIMITS__BITRATE for "limits.bitrate"."""
    return ENV_PREFIX + setting.replace(".", "__").upper()


def settings_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every setting of a model, those of its tables by dotted names."""
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += settings_of(kind, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def places(
    file: Mapping[str, Any], text: str, path: Path | None, env: Mapping[str, Any]
) -> dict[str, Place]:
    """Every setting that file or environment gives, by its dotted name."""
    lines = line_numbers(text)
    found = {}
    for setting in _leaves(file):
        line = lines.get(setting)
        found[setting] = Place(Origin.FILE, f"{path}:{line}" if line else str(path))
    for setting in _leaves(env):
        found[setting] = Place(Origin.ENVIRONMENT, variable(setting))
    return found


def _leaves(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in table.items():
        # A plugin's setting may be a table itself; it is one setting all the same.
        if isinstance(value, Mapping) and prefix.count(".") < 2:
            found += _leaves(value, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def line_numbers(text: str) -> dict[str, int]:
    """The line of each `key =` in a TOML text, by dotted name. Inline tables have that of their
    key."""
    found: dict[str, int] = {}
    table, inside = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        began = inside
        for mark in QUOTES.findall(line):
            inside = "" if inside == mark else inside or mark
        if began:
            continue
        if header := HEADER.match(line):
            table = _dotted(header[1]) + "."
        elif key := KEY.match(line):
            found.setdefault(table + _dotted(key[1]), number)
    return found


def _dotted(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
