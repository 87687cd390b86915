"""What plugins get: corners of their own, taken back when they fail, no secret in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, SecretStr

from metropole_core.addresses import SiteAddresses
from metropole_core.backplane import MemoryShared
from metropole_core.bus import EventBus
from metropole_core.config import SiteConfig
from metropole_core.context import ContextMaker
from metropole_core.contracts.events import ChannelCreated
from metropole_core.registry import Registry
from metropole_core.testing import (
    FakeChannels,
    FakeClock,
    FakePreviews,
    FakePublishing,
    FakeTranscoding,
)


class Account(BaseModel):
    token: SecretStr


class Settings(BaseModel):
    token: SecretStr = SecretStr("geheim-eins")
    short: SecretStr = SecretStr("ab")
    more: list[SecretStr] = [SecretStr("geheim-zwei")]
    named: dict[str, Account] = {"x": Account(token=SecretStr("geheim-drei"))}


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def maker(bus: EventBus) -> ContextMaker:
    clock = FakeClock()
    return ContextMaker(
        clock=clock,
        bus=bus,
        shared=MemoryShared(clock.monotonic),
        registry=Registry(),
        addresses=SiteAddresses(SiteConfig()),
        channels=FakeChannels(),
        publishing=FakePublishing(),
        transcoding=FakeTranscoding(),
        previews=FakePreviews(),
    )


@pytest.fixture(autouse=True)
def clean_loggers() -> Iterator[None]:
    yield
    for name in ("one", "two"):
        logging.getLogger(f"metropole.plugin.{name}").filters.clear()


def test_secrets_stand_in_no_log_line(
    maker: ContextMaker, caplog: pytest.LogCaptureFixture
) -> None:
    context = maker.make("one", Settings())
    context.log.error("token %s, %s", "geheim-eins", ["geheim-zwei", "cab"])
    context.log.error("geheim-drei at 100 %")
    assert "geheim" not in caplog.text
    assert "token ***, ['***', 'cab']" in caplog.text
    assert "*** at 100 %" in caplog.text


def test_a_context_made_anew_blackens_the_new_secret(
    maker: ContextMaker, caplog: pytest.LogCaptureFixture
) -> None:
    maker.make("one", Settings())
    context = maker.make("one", Settings(token=SecretStr("anders")))
    assert len(context.log.filters) == 1
    context.log.error("anders")
    assert "anders" not in caplog.text


async def test_corners_are_apart(maker: ContextMaker) -> None:
    one, two = maker.make("one", Settings()), maker.make("two", Settings())
    await one.shared.set("key", b"1", 10)
    assert await two.shared.get("key") is None


async def test_a_plugin_that_failed_keeps_nothing(maker: ContextMaker, bus: EventBus) -> None:
    one, two = maker.make("one", Settings()), maker.make("two", Settings())
    heard: list[str] = []
    ended = asyncio.Event()

    async def hear_one(event: ChannelCreated) -> None:
        heard.append("one")

    async def hear_two(event: ChannelCreated) -> None:
        heard.append("two")

    began = asyncio.Event()

    async def forever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    one.events.subscribe(ChannelCreated, hear_one)
    two.events.subscribe(ChannelCreated, hear_two)
    one.spawn(forever(), "forever")
    await asyncio.wait_for(began.wait(), 1)
    maker.release("one")
    maker.release("unknown")
    bus.publish(ChannelCreated(channel_id=1, name="lab"))
    await bus.settle()
    await asyncio.wait_for(ended.wait(), 1)
    assert heard == ["two"]
    with pytest.raises(RuntimeError, match="has stopped"):
        one.spawn(forever(), "again")
    await maker.stop()
