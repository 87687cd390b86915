"""The egress: gives each broadcast an address nobody can guess, and lets ended ones go."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import Engine
from metropole_egress_hls.origin import HlsOrigin
from metropole_egress_hls.output import HlsOutput
from metropole_egress_hls.settings import HlsSettings
from metropole_media.http.origin import Origin
from metropole_media.live import LiveStream

ID_OCTETS = 16
AFTER_END_SECONDS = 60.0
"""How long players find the end of a broadcast."""


class HlsEgress:
    """An `Egress`: low-latency HLS.

    Arguments:
        context: what the house gives.
        make_id: makes playback ids.
    """

    name = "hls"
    prefix = "hls"
    engine: Engine | None = Engine(name="hls", asset="src/engine.ts")

    def __init__(
        self,
        context: PluginContext[HlsSettings],
        make_id: Callable[[], str] = lambda: secrets.token_urlsafe(ID_OCTETS),
    ) -> None:
        self._context = context
        self._make_id = make_id
        self._origin = HlsOrigin()
        self.origin: Origin | None = self._origin

    def open(
        self,
        channel: ChannelRef,
        stream: LiveStream,
        base_url: str,
        available: Callable[[], None],
    ) -> HlsOutput:
        """Follow a stream. It is available when its first segment is complete."""
        context = self._context
        playback_id = self._make_id()
        output = HlsOutput(
            channel.name,
            stream,
            f"{base_url}/{playback_id}",
            context.settings,
            available,
            lambda: self._closed(playback_id, output),
            context.clock.monotonic,
            context.clock.time,
            context.log,
        )
        self._origin.add(playback_id, output.playout)
        return output

    def _closed(self, playback_id: str, output: HlsOutput) -> None:
        if not output.playout.window.listed:
            self._origin.forget(playback_id)
            return
        self._origin.end(playback_id)
        forgetting = self._forget_later(playback_id)
        try:
            self._context.spawn(forgetting, f"forget {playback_id[:4]}")
        except RuntimeError:
            # The plugin is being stopped: nobody will fetch it.
            forgetting.close()
            self._origin.forget(playback_id)

    async def _forget_later(self, playback_id: str) -> None:
        await asyncio.sleep(AFTER_END_SECONDS)
        self._origin.forget(playback_id)
