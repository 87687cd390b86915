"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.ingest import Ingest
from metropole_ingest_rtmp.admission import Admission
from metropole_ingest_rtmp.checks import (
    RTMP,
    RTMPS,
    check_certificate,
    check_port,
    check_reach,
    is_ours,
)
from metropole_ingest_rtmp.listener import RtmpListener, RtmpsListener
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
        """RTMP, and RTMPS if it has an address."""
        admission = Admission(self.context)
        register(RtmpListener(self.context, admission=admission))
        if self.context.settings.tls_bind:
            register(RtmpsListener(self.context, admission=admission))

    @hookimpl
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Whether the ports are free, and whether encoders reach them."""
        register(Check("port", self._check_port))
        register(Check("address", self._check_address))
        if self.context.settings.tls_bind:
            register(Check("tls_port", self._check_tls_port))
            register(Check("tls_address", self._check_tls_address))

    async def _check_port(self) -> list[Finding]:
        return await check_port(RTMP, self.context.settings.bind)

    async def _check_address(self) -> list[Finding]:
        bind = self.context.settings.bind
        url = self.context.addresses.rtmp_url(split_bind(bind)[1])
        return [await check_reach(RTMP, url, await is_ours(bind))]

    async def _check_tls_port(self) -> list[Finding]:
        settings = self.context.settings
        found = await check_port(RTMPS, settings.tls_bind)
        if settings.certificate is not None and settings.certificate_key is not None:
            found += check_certificate(settings.certificate, settings.certificate_key)
        return found

    async def _check_tls_address(self) -> list[Finding]:
        bind = self.context.settings.tls_bind
        url = self.context.addresses.rtmps_url(split_bind(bind)[1])
        return [await check_reach(RTMPS, url, await is_ours(bind, secure=True))]
