"""The egress with made-up packets, a clock to turn, and a player that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.output import HlsOutput
from metropole_egress_hls.settings import HlsSettings

from metropole_core.contracts.provider import BroadcastRef
from metropole_core.testing import FakeClock, make_broadcast, make_context
from metropole_media.http.origin import Pending, Request, Response
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track
from tests.support.packaging import AUDIO, VIDEO, frames, sound, together

BASE_URL = "https://media.example/hls"


@dataclass
class Player:
    """Answers that came later."""

    got: list[Response] = field(default_factory=list)

    def wait(self, answer: Response | Pending) -> Pending:
        assert isinstance(answer, Pending)
        answer.add(id(self), self.got.append)
        return answer


class House:
    """One stream on the egress."""

    def __init__(self, settings: HlsSettings | None = None) -> None:
        self.clock = FakeClock()
        self.context = make_context(settings or HlsSettings(), name="egress_hls", clock=self.clock)
        # Names as of the first run of a server are shorter to write.
        self.egress = HlsEgress(self.context, lambda: "")
        self.broadcasts = 0
        self.available: list[float] = []
        self.began = self.clock.monotonic()
        self.stream, self.output = self.open()

    def open(self, broadcast: BroadcastRef | None = None) -> tuple[LiveStream, HlsOutput]:
        """Another broadcast, or the same again as after a restart."""
        if broadcast is None:
            self.broadcasts += 1
            began = self.clock.time()
            broadcast = make_broadcast(f"id{self.broadcasts}", started_at=began)
        stream = LiveStream("test", self.clock.monotonic)
        output = self.egress.open(
            broadcast, stream, BASE_URL, lambda: self.available.append(self.clock.monotonic())
        )
        return stream, output

    @property
    def id(self) -> str:
        return self.output.source().url.removeprefix(BASE_URL + "/").partition("/")[0]

    def publish(self, *tracks: Track) -> PublisherHandle:
        publisher = self.stream.attach()
        publisher.describe(tracks or (VIDEO, AUDIO))
        return publisher

    def send(self, publisher: PublisherHandle, packets: Iterable[Packet]) -> None:
        """Each arrives at its time, counted from when the house was opened."""
        for packet in packets:
            at = self.began + packet.dts / 1000
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            publisher.write(replace(packet))

    def ask(self, name: str, query: str = "") -> Response | Pending:
        assert self.egress.origin is not None
        return self.egress.origin.handle(Request("GET", f"{self.id}/{name}", query))

    def get(self, name: str, query: str = "") -> Response:
        answer = self.ask(name, query)
        assert isinstance(answer, Response)
        return answer

    def text(self, query: str = "") -> str:
        answer = self.get("v0.m3u8", query)
        assert answer.status == 200
        return answer.body.decode()


def media(seconds: float, start: float = 0.0, gop: int = 60) -> list[Packet]:
    """Picture and sound."""
    return together(frames(round(seconds * 30), gop=gop, start=start), sound(seconds, start=start))


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def make_house() -> Callable[[HlsSettings], House]:
    return House


@pytest.fixture
def make_player() -> type[Player]:
    return Player


@pytest.fixture
def make_media() -> Callable[..., list[Packet]]:
    return media
