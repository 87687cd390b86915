"""Settings of plugins: where they come from and how they are kept."""

from __future__ import annotations

from metropole_core.config import Origin
from metropole_core.settings.resolve import NoSettings, PluginSettings, resolve

__all__ = ["NoSettings", "Origin", "PluginSettings", "resolve"]
