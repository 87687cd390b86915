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
from metropole_media.ladder import RenditionPlan
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
    """One stream on the egress.

    Arguments:
        plans: of its ladder; None: nobody decides.
    """

    def __init__(
        self,
        settings: HlsSettings | None = None,
        plans: tuple[RenditionPlan, ...] | None = (),
    ) -> None:
        self.plans = plans
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
        if self.plans is not None:
            stream.ladder.declare(self.plans)
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

    def transcode(
        self, publisher: PublisherHandle, packets: Iterable[Packet], **feeds: Feed
    ) -> None:
        """Send packets as they are, and to each feed its pictures, as late as that is."""
        moments = [(p.dts / 1000, 0, n, publisher, p) for n, p in enumerate(packets)]
        for rank, feed in enumerate(feeds.values(), 1):
            moments += [
                (at + feed.delay, rank, n, feed.handle, p)
                for at, _, n, to, p in moments
                if to is publisher and p.track == 0 and feed.takes(p)
            ]
        for at, _, _, to, packet in sorted(moments, key=lambda each: each[:3]):
            at += self.began
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            to.write(replace(packet))


@dataclass
class Feed:
    """A transcoder of one rendition.

    Fields:
        delay: seconds until a picture is encoded.
        takes: whether it makes something of a picture.
    """

    handle: PublisherHandle
    delay: float = 0.3
    takes: Callable[[Packet], bool] = lambda packet: True

    @classmethod
    def of(cls, house: House, plan: RenditionPlan, delay: float = 0.3, **change: object) -> Feed:
        """Attach to the feed of a plan."""
        handle = house.stream.ladder.feed(plan.name).attach()
        video = replace(VIDEO, codec=plan.codec, width=plan.width, height=plan.height)
        handle.describe((video,))
        return cls(handle, delay, **change)  # type: ignore[arg-type]


def media(seconds: float, start: float = 0.0, gop: int = 60) -> list[Packet]:
    """Picture and sound."""
    return together(frames(round(seconds * 30), gop=gop, start=start), sound(seconds, start=start))


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def make_house() -> Callable[..., House]:
    return House


@pytest.fixture
def make_feed() -> Callable[..., Feed]:
    return Feed.of


@pytest.fixture
def make_player() -> type[Player]:
    return Player


@pytest.fixture
def make_media() -> Callable[..., list[Packet]]:
    return media
