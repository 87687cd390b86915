"""Finds and reads the configuration that a command works with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

DEFAULT_NAME = "metropole.toml"


def config_file(given: Path | None) -> Path | None:
    """The file to read: the one that was named, else ./metropole.toml when it exists."""
    if given is not None:
        return given
    here = Path(DEFAULT_NAME)
    return here if here.exists() else None


def read_config(given: Path | None) -> SiteConfig:
    """The site's configuration.

    Raises:
        ConfigError: a file that cannot be read, or a setting that cannot be used.
    """
    from metropole_core.config import load_config

    return load_config(config_file(given), os.environ)
