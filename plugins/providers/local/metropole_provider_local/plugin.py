"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.provider import Provider
from metropole_media.bind import split_bind
from metropole_provider_local.checks import WILDCARDS, check_port, is_ours
from metropole_provider_local.provider import LocalProvider
from metropole_provider_local.reach import check_reach
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
        """Whether the media port is free, and whether players reach it."""
        register(Check("port", self._check_port))
        register(Check("address", self._check_address))

    async def _check_port(self) -> list[Finding]:
        return await check_port(self.context.settings)

    async def _check_address(self) -> list[Finding]:
        host, port = split_bind(self.context.settings.bind)
        running = await is_ours(WILDCARDS.get(host, host), port)
        return [await check_reach(self.context.addresses.media_url(port), running)]
