"""Settings of plugins: where they come from and how they are kept."""

from __future__ import annotations

from metropole_core.settings.resolve import NoSettings, Origin, PluginSettings, resolve

__all__ = ["NoSettings", "Origin", "PluginSettings", "resolve"]
