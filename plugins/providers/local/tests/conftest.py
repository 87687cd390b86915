"""A provider on a free port, and egresses made of nothing but the public contracts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from metropole_provider_local.provider import LocalProvider
from metropole_provider_local.settings import LocalSettings

from metropole_core.contracts.egress import Engine, PlaybackSource
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.testing import make_context
from metropole_media.http.origin import Origin, Pending, Request, Response
from metropole_media.live import LiveStream, Packet, Track

VIDEO = Track(0, "video", "avc1", "avc1.640028", 1000, b"v", width=1280, height=720)


class CountingOutput:
    """Available from the first packet; serves how many there were."""

    def __init__(
        self, egress: CountingEgress, stream: LiveStream, url: str, available: Callable[[], None]
    ) -> None:
        self.egress, self.stream, self.url, self.available = egress, stream, url, available
        self.packets = 0
        self.said: list[str] = []
        stream.subscribe(self)

    def source(self) -> PlaybackSource:
        return PlaybackSource("count", self.url, "text/plain", self.egress.latency_ms)

    def close(self) -> None:
        self.said.append("close")

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        self.said.append(f"epoch {epoch}")

    def on_packet(self, packet: Packet) -> None:
        self.packets += 1
        if self.packets >= self.egress.after:
            self.available()  # over and over: the provider tells the core once

    def on_interrupted(self) -> None:
        self.said.append("interrupted")

    def on_end(self) -> None:
        self.said.append("end")


class CountingEgress:
    """Serves `<name of the channel>` at its prefix: the number of packets of each output."""

    engine: Engine | None = None
    output_class: type[CountingOutput] = CountingOutput

    def __init__(self, name: str = "count", latency_ms: int = 1000, after: int = 1) -> None:
        self.name = self.prefix = name
        self.latency_ms, self.after = latency_ms, after
        self.origin: Origin | None = self
        self.outputs: list[CountingOutput] = []
        self.waiting = Pending(30, lambda: Response(200, b"still"))

    def open(
        self,
        broadcast: BroadcastRef,
        stream: LiveStream,
        base_url: str,
        available: Callable[[], None],
    ) -> CountingOutput:
        output = self.output_class(self, stream, f"{base_url}/{broadcast.channel.name}", available)
        self.outputs.append(output)
        return output

    def handle(self, request: Request) -> Response | Pending:
        if request.path == "wait":
            return self.waiting
        counts = ",".join(str(output.packets) for output in self.outputs)
        return Response(200, f"{request.path}:{counts}".encode())


@dataclass
class TestIngest:
    """An ingest that only names its address."""

    __test__ = False
    name: str = "test"
    broken: bool = False

    def point(self) -> IngressPoint:
        if self.broken:
            raise LookupError("a bug in an ingest")
        return IngressPoint(self.name, "Test", f"{self.name}://live.example")

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass
class Parts:
    """`contracts.context.Registry` with what a test puts in."""

    parts_in: list[Any] = field(default_factory=list)
    parts_out: list[Any] = field(default_factory=list)

    def ingests(self) -> tuple[Any, ...]:
        return tuple(self.parts_in)

    def egresses(self) -> tuple[Any, ...]:
        return tuple(self.parts_out)


Start = Callable[..., Awaitable[LocalProvider]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a provider with these egresses and ingests; settings by name."""
    providers: list[LocalProvider] = []

    async def make(*egresses: Any, ingests: tuple[Any, ...] = (), **settings: Any) -> LocalProvider:
        settings.setdefault("bind", "127.0.0.1:0")
        registry = Parts(list(ingests), list(egresses))
        context = make_context(LocalSettings(**settings), registry=registry)
        providers.append(LocalProvider(context))
        await providers[-1].start()
        return providers[-1]

    yield make
    for provider in providers:
        await provider.stop()


async def fetch(port: int, path: str) -> tuple[int, bytes]:
    """GET from the media port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def packet(dts: int) -> Packet:
    return Packet(0, dts, dts, True, b"frame")
