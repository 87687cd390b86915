"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import Egress
from metropole_egress_hls.checks import check_assets
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.settings import HlsSettings


class Plugin:
    """HLS egress: low-latency HLS for every browser."""

    requires_api = ">=1,<2"
    Settings = HlsSettings
    assets = Path(__file__).parent / "static" / "dist"

    def __init__(self, context: PluginContext[HlsSettings]) -> None:
        self.context = context

    @hookimpl
    def register_egress(self, register: Callable[[Egress], None]) -> None:
        """The one egress of this plugin."""
        register(HlsEgress(self.context))

    @hookimpl
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Whether the player's script was built."""
        register(Check("assets", self._check_assets))

    async def _check_assets(self) -> list[Finding]:
        return [check_assets(self.assets)]
