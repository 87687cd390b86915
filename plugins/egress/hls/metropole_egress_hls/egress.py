"""The egress: serves each broadcast under its playback id, and lets ended ones go."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import Engine
from metropole_core.contracts.events import StreamUnwell
from metropole_core.contracts.provider import BroadcastRef
from metropole_egress_hls.latency import pace
from metropole_egress_hls.memory import total_octets
from metropole_egress_hls.origin import HlsOrigin
from metropole_egress_hls.output import HlsOutput
from metropole_egress_hls.playout import Playout
from metropole_egress_hls.settings import HlsSettings
from metropole_media.hls.budget import Budget
from metropole_media.http.origin import Origin
from metropole_media.live import LiveStream
from metropole_media.numbers import Numbers

RUN_OCTETS = 3
AFTER_END_SECONDS = 60.0
"""How long players find the end of a broadcast."""


class HlsEgress:
    """An `Egress`: low-latency HLS.

    Arguments:
        context: what the house gives.
        make_run: makes what tells the files of one opening of a broadcast from those of another.
    """

    name = "hls"
    prefix = "hls"
    engine: Engine | None = Engine(name="hls", asset="src/engine.ts")

    def __init__(
        self,
        context: PluginContext[HlsSettings],
        make_run: Callable[[], str] = lambda: f"-{secrets.token_hex(RUN_OCTETS)}",
    ) -> None:
        self._context = context
        self._make_run = make_run
        self._budget = Budget(total_octets(context.settings.memory_total_mib))
        self._origin = HlsOrigin()
        self.origin: Origin | None = self._origin

    def open(
        self,
        broadcast: BroadcastRef,
        stream: LiveStream,
        base_url: str,
        available: Callable[[], None],
    ) -> HlsOutput:
        """Follow a stream. It is available when its first segment is complete."""
        context = self._context
        playback_id = broadcast.playback_id
        output = HlsOutput(
            broadcast.channel.name,
            self._make_run(),
            Numbers.after(context.clock.time() - broadcast.started_at),
            self._budget,
            stream,
            f"{base_url}/{playback_id}",
            broadcast.latency,
            pace(broadcast.latency, context.settings.part_ms / 1000),
            context.settings,
            available,
            lambda: self._closed(playback_id, output),
            lambda code, sentence: context.events.publish(
                StreamUnwell(channel_id=broadcast.channel.id, code=code, sentence=sentence)
            ),
            context.clock.monotonic,
            context.clock.time,
            context.log,
        )
        self._origin.add(playback_id, output.playout)
        return output

    def _closed(self, playback_id: str, output: HlsOutput) -> None:
        playout = output.playout
        if not playout.window.listed:  # There has never been anything.
            self._origin.forget(playback_id, playout)
            return
        self._origin.end(playback_id, playout)
        forgetting = self._forget_later(playback_id, playout)
        try:
            self._context.spawn(forgetting, f"forget {playback_id[:4]}")
        except RuntimeError:
            # The plugin is being stopped: nobody will fetch it.
            forgetting.close()
            self._origin.forget(playback_id, playout)

    async def _forget_later(self, playback_id: str, playout: Playout) -> None:
        await asyncio.sleep(AFTER_END_SECONDS)
        self._origin.forget(playback_id, playout)
