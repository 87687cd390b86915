"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.ingest import Ingest
from metropole_ingest_rtmp.checks import check_port, check_reach, is_ours
from metropole_ingest_rtmp.listener import RtmpListener
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_media.bind import split_bind


class Plugin:
    """RTMP ingest: H.264, HEVC, AV1 and VP9 with AAC or Opus, one track or several."""

    requires_api = ">=1,<2"
    Settings = RtmpSettings

    def __init__(self, context: PluginContext[RtmpSettings]) -> None:
        self.context = context

    @hookimpl
    def register_ingest(self, register: Callable[[Ingest], None]) -> None:
        """The one ingest of this plugin."""
        register(RtmpListener(self.context))

    @hookimpl
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Whether the port is free, and whether encoders reach it."""
        register(Check("port", self._check_port))
        register(Check("address", self._check_address))

    async def _check_port(self) -> list[Finding]:
        return await check_port(self.context.settings)

    async def _check_address(self) -> list[Finding]:
        bind = self.context.settings.bind
        url = self.context.addresses.rtmp_url(split_bind(bind)[1])
        return [await check_reach(url, await is_ours(bind))]
