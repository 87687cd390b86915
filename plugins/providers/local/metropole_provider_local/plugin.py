"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.provider import Provider
from metropole_provider_local.checks import check_port
from metropole_provider_local.provider import LocalProvider
from metropole_provider_local.settings import LocalSettings


class Plugin:
    """Hosts streams on this server."""

    requires_api = ">=1,<2"
    Settings = LocalSettings

    def __init__(self, context: PluginContext[LocalSettings]) -> None:
        self.context = context

    @hookimpl
    def register_provider(self, register: Callable[[Provider], None]) -> None:
        """The one provider of this plugin."""
        register(LocalProvider(self.context))

    @hookimpl
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Whether the media port is free."""
        register(Check("port", self._check_port))

    async def _check_port(self) -> list[Finding]:
        return await check_port(self.context.settings)
