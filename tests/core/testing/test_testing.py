"""What authors of plugins get: a clock, a context, and suites that find what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, Field

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.chat_mode import Allow, Draft, Reject, Stage, Verdict
from metropole_core.contracts.egress import Engine, PlaybackSource
from metropole_core.contracts.events import ChannelCreated
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.testing import CHANNEL, FakeClock, FakePublishing, conformance, make_context
from metropole_media.http.origin import Origin as HttpOrigin
from metropole_media.http.origin import Request, Response
from metropole_media.live import LiveStream


class Settings(BaseModel):
    seconds: int = Field(default=3, title="Seconds")


async def test_a_context_has_real_parts() -> None:
    clock = FakeClock()
    publishing = FakePublishing(clock=clock)
    context = make_context(Settings(), clock=clock, publishing=publishing)
    assert context.settings.seconds == 3
    await context.shared.set("key", b"value", 5)
    clock.advance(5)
    assert await context.shared.get("key") is None
    assert await context.channels.by_name("LAB") == CHANNEL
    assert await context.channels.by_id(99) is None
    assert context.addresses.media_url(1) == "https://live.example:1"
    assert context.addresses.rtmp_url(1935) == "rtmp://live.example"
    assert context.registry.ingests() == ()

    heard = asyncio.Event()

    async def hear(event: ChannelCreated) -> None:
        heard.set()

    context.events.subscribe(ChannelCreated, hear)
    context.events.publish(ChannelCreated(channel_id=1, name="lab"))
    await asyncio.wait_for(heard.wait(), 1)

    done = asyncio.Event()

    async def work() -> None:
        done.set()

    context.spawn(work(), "work")
    await asyncio.wait_for(done.wait(), 1)


async def test_publishing_grants_and_refuses() -> None:
    publishing = FakePublishing()
    publishing.refusals["bad"] = Refusal("bad_key", "No.")
    assert await publishing.open("rtmp", "bad", "192.0.2.1") == Refusal("bad_key", "No.")
    grant = await publishing.open("rtmp", "good", "192.0.2.1")
    assert isinstance(grant, Grant)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    publishing.publications[0].cut("enough")
    grant.publication.lost("cable")
    grant.publication.ended()
    assert sentences == ["enough"]
    assert publishing.publications[0].outcome == "lost: cable"
    grant.stream.end()
    again = await publishing.open("rtmp", "good", "192.0.2.1")
    assert isinstance(again, Grant)
    assert again.stream is not grant.stream
    assert [key for _, key, _ in publishing.asked] == ["bad", "good", "good"]


def test_the_clock_stands_still() -> None:
    clock = FakeClock()
    before = clock.monotonic(), clock.time()
    assert (clock.monotonic(), clock.time()) == before
    clock.advance(2.5)
    assert (clock.monotonic() - before[0], clock.time() - before[1]) == (2.5, 2.5)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


class Provider:
    name = "good"
    title = "Good"

    def __init__(self) -> None:
        self.streams: dict[int, LiveStream] = {}
        self.broadcasts: dict[int, str] = {}

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def ingress_points(self, channel: ChannelRef) -> tuple[IngressPoint, ...]:
        return (IngressPoint("rtmp", "RTMP", "rtmp://live.example/live"),)

    def open(self, broadcast: BroadcastRef, available: Callable[[], None]) -> LiveStream:
        running = self.broadcasts.get(broadcast.channel.id)
        if running != broadcast.playback_id:
            self.end(broadcast.channel)
        self.broadcasts[broadcast.channel.id] = broadcast.playback_id
        return self.streams.setdefault(broadcast.channel.id, LiveStream("x", lambda: 0.0))

    def playback(self, channel: ChannelRef) -> tuple[PlaybackSource, ...]:
        return ()

    def end(self, channel: ChannelRef) -> None:
        stream = self.streams.pop(channel.id, None)
        if stream is not None:
            stream.end()

    def media_origins(self) -> tuple[str, ...]:
        return ("https://media.example",)


class Ingest:
    name = "good"

    def point(self) -> IngressPoint:
        return IngressPoint("rtmp", "RTMP", "rtmp://live.example/live")

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Output:
    def source(self) -> PlaybackSource:
        return PlaybackSource("hls", "https://media.example/x", "x/y", 1000)

    def close(self) -> None: ...


class Origin:
    def handle(self, request: Request) -> Response:
        return Response(404)


class Egress:
    name = "good"
    engine: Engine | None = None
    prefix = "good"
    origin: HttpOrigin | None = Origin()

    def open(self, broadcast: Any, stream: Any, base_url: str, available: Any) -> Output:
        return Output()


class Mode:
    name = "good"
    title = "Good"
    description = "Good."
    stage = Stage.PACE
    fail_open = True
    Settings: ClassVar[type[BaseModel]] = Settings

    def sentence(self, settings: BaseModel) -> str:
        return "Good: be nice"

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        return Allow() if draft.sender.person.user_id else Reject("Sign in.")

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        return 3.0


async def test_good_ones_pass() -> None:
    await conformance.check_provider(Provider())
    await conformance.check_ingest(Ingest())
    await conformance.check_egress(Egress())
    await conformance.check_chat_mode(Mode())


def bad(good: type[Any], **attributes: Any) -> Any:
    return type("Bad", (good,), attributes)()


class Untitled(BaseModel):
    seconds: int = 3


async def slow(*_: Any) -> None:
    await asyncio.sleep(1.05)


async def flickers(self: Any, draft: Draft, settings: BaseModel) -> Verdict:
    self.calls = getattr(self, "calls", 0) + 1
    return Allow() if self.calls % 2 else Reject("Not now.")


async def negative(self: Any, draft: Draft, settings: BaseModel) -> float:
    return -1.0


def always_new(self: Any, channel: ChannelRef, available: Any) -> LiveStream:
    return LiveStream("x", lambda: 0.0)


def eager(self: Any, channel: Any, stream: Any, base_url: str, available: Any) -> Output:
    available()
    return Output()


class Raises:
    def handle(self, request: Request) -> Response:
        return Response(500)


@pytest.mark.parametrize(
    ("check", "item", "words"),
    [
        ("provider", bad(Provider, name="Bad Name"), "field `name`"),
        ("provider", bad(Provider, open=always_new), "the stream of the running broadcast"),
        ("provider", bad(Provider, end=lambda self, channel: None), "must end the channel's"),
        ("provider", bad(Provider, media_origins=lambda self: ("media",)), "is no origin"),
        ("provider", bad(Provider, stop=slow), "stop took 1.0"),
        ("ingest", bad(Ingest, point=lambda self: IngressPoint("a", "A", "here")), "is no URL"),
        ("egress", bad(Egress, open=eager), "before anything was published"),
        ("egress", bad(Egress, origin=Raises()), "origin: 500"),
        ("chat_mode", bad(Mode, Settings=Untitled), "setting seconds needs a title"),
        ("chat_mode", bad(Mode, sentence=lambda self, settings: ""), "one line above"),
        ("chat_mode", bad(Mode, check=flickers), "must decide and change nothing"),
        ("chat_mode", bad(Mode, accepted=negative), "accepted returned -1.0"),
    ],
)
async def test_bad_ones_are_found(check: str, item: Any, words: str) -> None:
    with pytest.raises(AssertionError) as caught:
        await getattr(conformance, f"check_{check}")(item)
    assert words in str(caught.value)


pytest_plugins = ("pytester",)


def test_the_fixtures_work_in_another_project(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pydantic import BaseModel

        class Settings(BaseModel):
            port: int = 1

        def test_context(make_plugin_context, fake_clock):
            context = make_plugin_context(Settings(), name="mine")
            assert context.clock is fake_clock
            assert context.name == "mine"
        """
    )
    result = pytester.runpytest_subprocess(
        # By its module, so that this is the one of this tree, installed or not.
        "-p",
        "no:metropole",
        "-p",
        "metropole_core.testing.plugin",
        "-p",
        "no:cacheprovider",
    )
    result.assert_outcomes(passed=1)
