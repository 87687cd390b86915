"""A broadcast keeps its address over a restart, and only that one."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from metropole_core.contracts.events import LiveState
from metropole_core.contracts.latency import Latency
from metropole_core.contracts.provider import BroadcastRef, ProviderEvent, ProviderEventKind
from metropole_core.db import tables
from metropole_core.db.connection import Database
from metropole_core.testing import FakeClock
from tests.core.streams.conftest import House, send


@pytest.fixture
async def following(house: House, database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The same site, started again ten seconds later. Call `recover` in it."""
    clock = FakeClock(house.clock.time() + 10)
    following = House(database, tmp_path, clock, 30.0)
    yield following
    await following.stop()


async def test_the_address_is_the_same_after_a_restart(house: House, following: House) -> None:
    channel = await house.channel()
    await house.go_live(channel)
    (began,) = house.provider.opened
    assert began.channel == channel.ref
    assert began.started_at == house.clock.time()

    await following.status.recover()
    following.publishing.resume()
    (resumed,) = following.provider.opened
    assert resumed == began
    stream = following.provider.streams[channel.id]
    # The encoder finds the stream that players wait for.
    grant, handle = await following.publish(channel)
    assert grant.stream is stream
    send(handle)
    following.provider.available[channel.id]()
    await following.settled()
    assert following.status.state(channel.id).state is LiveState.LIVE
    assert set(following.provider.opened) == {began}


async def test_a_drop_inside_the_window_keeps_the_address_and_an_end_does_not(
    house: House,
) -> None:
    channel = await house.channel()
    ids = []
    for _ in range(3):
        grant, handle = await house.go_live(channel)
        ids.append(house.provider.opened[-1].playback_id)
        handle.detach()
        grant.publication.lost("a test")
        grant, handle = await house.publish(channel)
        assert house.provider.opened[-1].playback_id == ids[-1]
        house.provider.available[channel.id]()
        grant.publication.ended()
        await house.settled()
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[\w-]{22}", each) for each in ids)
    rows = await house.db.fetch_all(sa.select(tables.broadcasts.c.playback_id))
    assert [row[0] for row in rows] == ids


async def test_the_latency_is_that_of_when_the_broadcast_began(
    house: House, following: House
) -> None:
    channel = await house.channel()
    seen = []
    for chosen in (None, Latency.ULTRA_LOW, Latency.NORMAL):
        await house.channels.set_latency(channel.id, chosen)
        grant, handle = await house.go_live(channel)
        seen.append(house.provider.opened[-1].latency)
        await house.channels.set_latency(channel.id, Latency.LOW)
        handle.detach()
        grant.publication.lost("a test")
        grant, handle = await house.publish(channel)
        assert house.provider.opened[-1].latency is seen[-1], "it changed in the middle"
        if chosen is Latency.NORMAL:
            break
        grant.publication.ended()
        await house.settled()
    assert seen == [Latency.LOW, Latency.ULTRA_LOW, Latency.NORMAL]

    await house.channels.set_latency(channel.id, Latency.ULTRA_LOW)
    await following.status.recover()
    following.publishing.resume()
    assert [each.latency for each in following.provider.opened] == [Latency.ULTRA_LOW]


async def test_who_never_went_live_leaves_no_address(house: House, following: House) -> None:
    channel = await house.channel()
    grant, _ = await house.publish(channel)
    first = house.provider.opened[-1]
    grant.publication.lost("a test")
    await house.publish(channel)
    assert house.provider.opened[-1].playback_id != first.playback_id
    await house.settled()
    await following.status.recover()
    following.publishing.resume()
    assert following.provider.opened == []


async def test_a_broadcast_that_was_told_of_has_no_address_here(
    house: House, following: House
) -> None:
    """A provider elsewhere, which tells by webhook and opens nothing."""
    channel = await house.channel()
    available = ProviderEvent("memory", channel.id, ProviderEventKind.AVAILABLE, "a")
    await house.status.event(available)
    await following.status.recover()
    following.publishing.resume()
    assert following.status.state(channel.id).state is LiveState.INTERRUPTED
    assert following.provider.opened == []


async def test_a_window_that_ends_closes_what_was_opened_again(
    house: House, following: House
) -> None:
    channel = await house.channel()
    await house.go_live(channel)
    await following.status.recover()
    following.publishing.resume()
    following.clock.advance(31)  # type: ignore[attr-defined]
    await following.publish(channel)
    before, again = {each.playback_id for each in following.provider.opened}
    assert before != again
    assert following.provider.ended == [channel.id]


async def test_a_provider_that_cannot_take_up_is_told_in_the_log(
    house: House,
    following: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = await house.channel()
    await house.go_live(channel)
    await following.status.recover()

    def full(broadcast: BroadcastRef, available: object) -> None:
        raise RuntimeError("as many streams as it can take")

    monkeypatch.setattr(following.provider, "open", full)
    with caplog.at_level(logging.WARNING):
        following.publishing.resume()
    assert "as many streams as it can take" in caplog.text
