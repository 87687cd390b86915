"""The event bus: order, isolation, budgets, bounds."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from metropole_core import bus as bus_module
from metropole_core.bus import EventBus
from metropole_core.contracts.events import ChannelChanged, ChannelCreated, Event


def created(number: int) -> ChannelCreated:
    return ChannelCreated(channel_id=number, name=f"c{number}")


async def test_each_hears_its_kind_in_order() -> None:
    bus = EventBus()
    heard: list[int] = []
    everything: list[Event] = []

    async def slow_then_quick(event: ChannelCreated) -> None:
        await asyncio.sleep(0.01 if event.channel_id == 0 else 0)
        heard.append(event.channel_id)

    async def all_events(event: Event) -> None:
        everything.append(event)

    bus.subscribe(ChannelCreated, slow_then_quick)
    bus.subscribe(Event, all_events)
    for number in range(5):
        bus.publish(created(number))
    bus.publish(ChannelChanged(channel_id=9, name="c9"))
    await bus.settle()
    assert heard == [0, 1, 2, 3, 4]
    assert len(everything) == 6


async def test_a_broken_handler_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    heard: list[int] = []

    async def broken(event: ChannelCreated) -> None:
        raise RuntimeError("broken on purpose")

    async def fine(event: ChannelCreated) -> None:
        heard.append(event.channel_id)

    bus.subscribe(ChannelCreated, broken, owner="bad")
    bus.subscribe(ChannelCreated, fine)
    bus.publish(created(1))
    bus.publish(created(2))
    await bus.settle()
    assert heard == [1, 2]
    assert caplog.text.count("bad failed at ChannelCreated") == 2


async def test_a_handler_that_blocks_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus(budget=0.02)

    async def blocks(event: ChannelCreated) -> None:
        time.sleep(0.05)  # noqa: ASYNC251 (on purpose)

    bus.subscribe(ChannelCreated, blocks, owner="bad")
    for number in range(8):
        bus.publish(created(number))
    await bus.settle()
    assert caplog.text.count("bad blocked the site for 0.1 s") == bus_module.FAILURES
    assert "bad hears no more of ChannelCreated" in caplog.text


async def test_a_plugin_that_keeps_failing_is_left_out_for_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "SUSPENDED", 0.2)
    bus = EventBus()
    asked: list[int] = []
    heard: list[int] = []
    works = False

    async def broken(event: ChannelCreated) -> None:
        asked.append(event.channel_id)
        if not works:
            raise RuntimeError("broken on purpose")

    async def core(event: ChannelCreated) -> None:
        heard.append(event.channel_id)
        raise RuntimeError("broken as well")

    bus.subscribe(ChannelCreated, broken, owner="bad")
    bus.subscribe(ChannelCreated, core)
    for number in range(50):
        bus.publish(created(number))
    await bus.settle()
    assert asked == [0, 1, 2, 3, 4]
    assert heard == list(range(50)), "the core is never left out"
    assert caplog.text.count("bad hears no more of ChannelCreated") == 1
    await asyncio.sleep(0.25)
    bus.publish(created(50))
    bus.publish(created(51))
    await bus.settle()
    assert asked[5:] == [50], "one failure is enough now"
    works = True
    await asyncio.sleep(0.25)
    for number in range(60, 66):
        bus.publish(created(number))
    await bus.settle()
    assert asked[6:] == list(range(60, 66))


async def test_a_handler_that_takes_too_long_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus(budget=0.01)
    heard: list[int] = []

    async def hangs(event: ChannelCreated) -> None:
        if event.channel_id == 1:
            await asyncio.Event().wait()
        heard.append(event.channel_id)

    bus.subscribe(ChannelCreated, hangs, owner="slow")
    bus.publish(created(1))
    bus.publish(created(2))
    await bus.settle()
    assert heard == [2]
    assert "slow took longer than 0.01 s for ChannelCreated" in caplog.text


async def test_what_waits_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus_module, "MAX_WAITING", 3)
    bus = EventBus()
    heard: list[int] = []

    async def hear(event: ChannelCreated) -> None:
        heard.append(event.channel_id)

    bus.subscribe(ChannelCreated, hear)
    for number in range(10):
        bus.publish(created(number))
    await bus.settle()
    assert heard == [0, 1, 2]
    assert caplog.text.count("is too slow") == 1


async def test_a_dropped_owner_hears_nothing_more() -> None:
    bus = EventBus()
    heard: list[int] = []

    async def hear(event: ChannelCreated) -> None:
        heard.append(event.channel_id)

    bus.view("gone").subscribe(ChannelCreated, hear)
    bus.publish(created(1))
    await bus.settle()
    bus.publish(created(2))
    bus.drop("gone")
    bus.publish(created(3))
    await bus.settle()
    assert heard == [1]


async def test_subscriptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "MAX_SUBSCRIPTIONS", 2)
    bus = EventBus()

    async def hear(event: Event) -> None:
        """Nothing."""

    bus.subscribe(Event, hear)
    bus.subscribe(Event, hear)
    with pytest.raises(RuntimeError, match="too many"):
        bus.subscribe(Event, hear)


async def test_stop_ends_what_hangs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bus = EventBus()
    ended = asyncio.Event()
    began = asyncio.Event()

    async def hangs(event: Event) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    bus.subscribe(Event, hangs)
    bus.publish(created(1))
    await asyncio.wait_for(began.wait(), 1)
    await bus.stop()
    assert ended.is_set()
