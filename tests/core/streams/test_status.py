"""Live status: stored, published, timed, taken over after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from metropole_core.clock import SystemClock
from metropole_core.contracts.events import LiveState
from metropole_core.contracts.provider import ProviderEvent, ProviderEventKind
from metropole_core.db import tables
from metropole_core.db.connection import Database
from metropole_core.streams import journal
from metropole_core.testing import FakeClock
from tests.core.streams.conftest import House


async def rows(db: Database, table: sa.Table) -> list[Any]:
    return await db.fetch_all(sa.select(table))


def event(channel_id: int, kind: str, session: str = "a", provider: str = "memory") -> Any:
    return ProviderEvent(provider, channel_id, ProviderEventKind(kind), session)


async def test_a_broadcast_is_stored(house: House, clock: FakeClock) -> None:
    channel = await house.channel()
    await house.channels.update(
        channel.id, title="Tägliche Show 🎥", category="", tags=[], description=""
    )
    await house.status.event(event(channel.id, "connected"))
    assert await rows(house.db, tables.broadcasts) == []
    clock.advance(1)
    await house.status.event(event(channel.id, "available"))
    started = house.status.state(channel.id).started_at
    assert started is not None
    assert started.timestamp() == clock.time()
    house.viewers.beat(channel.id, "u1", "192.0.2.1")
    house.viewers.beat(channel.id, "u2", "192.0.2.1")
    house.viewers.gone(channel.id, "u2")
    live = house.status.state(channel.id)
    (status,) = await rows(house.db, tables.live_status)
    (broadcast,) = await rows(house.db, tables.broadcasts)
    assert live.broadcast_id == broadcast.id == status.broadcast_id
    assert live.viewers == 1
    assert live.provider == "memory"
    assert (status.state, status.session, status.started_at) == ("live", "a", started)
    assert (broadcast.title, broadcast.provider) == ("Tägliche Show 🎥", "memory")
    assert broadcast.ended_at is None
    clock.advance(60)
    await house.status.event(event(channel.id, "ended"))
    (status,) = await rows(house.db, tables.live_status)
    (broadcast,) = await rows(house.db, tables.broadcasts)
    assert (status.state, status.broadcast_id, status.started_at) == ("offline", None, None)
    assert broadcast.ended_at.timestamp() == clock.time()
    assert broadcast.peak_viewers == 2
    assert house.status.state(channel.id).broadcast_id is None
    await house.events.settle()
    assert house.changes[-1].broadcast_id == broadcast.id
    assert house.changes[-1].previous is LiveState.LIVE


async def test_two_broadcasts_are_two(house: House) -> None:
    channel = await house.channel()
    for session in ("a", "b"):
        for kind in ("connected", "available", "ended"):
            house.status.tell(channel.ref, event(channel.id, kind, session))
    await house.settled()
    found = await rows(house.db, tables.broadcasts)
    assert len(found) == 2
    assert all(row.ended_at is not None for row in found)
    assert house.states() == ["connecting", "live", "offline"] * 2


async def test_who_is_live_most_viewers_first(house: House) -> None:
    names = ("lab_one", "lab_two", "lab_three")
    channels = [await house.channel(name) for name in names]
    for channel in channels[:2]:
        await house.status.event(event(channel.id, "available"))
    house.viewers.beat(channels[1].id, "u1", "192.0.2.1")
    assert [live.channel_id for live in house.status.all_live()] == [
        channels[1].id,
        channels[0].id,
    ]
    assert house.status.state(channels[2].id).state is LiveState.OFFLINE


async def test_events_of_another_provider_or_channel_are_ignored(house: House) -> None:
    channel = await house.channel()
    await house.status.event(event(channel.id, "available"))
    await house.status.event(event(channel.id, "ended", provider="other"))
    await house.status.event(event(987654, "available"))
    assert house.status.state(channel.id).state is LiveState.LIVE
    assert house.status.state(987654).state is LiveState.OFFLINE


async def test_the_window_is_timed(database: Database, tmp_path: Path) -> None:
    house = make_house(database, tmp_path, 0.15)
    try:
        channel = await house.channel()
        await house.status.event(event(channel.id, "available"))
        await house.status.event(event(channel.id, "lost"))
        assert house.status.state(channel.id).state is LiveState.INTERRUPTED
        await until(lambda: house.status.state(channel.id).state is LiveState.OFFLINE)
        await house.settled()
        assert house.states() == ["live", "interrupted", "offline"]
        assert house.provider.ended == [channel.id]
    finally:
        await house.stop()


async def test_who_comes_back_without_sending_is_cut(
    house: House, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await house.channel()
    grant, handle = await house.go_live(channel)
    handle.detach()
    grant.publication.lost("network")
    clock.advance(25)
    again, _ = await house.publish(channel)
    sentences: list[str] = []
    again.publication.on_cut(sentences.append)
    clock.advance(10)
    # Any event finds that the time is over; in a running site the timer does.
    house.status.tell(channel.ref, event(channel.id, "lost", "unknown"))
    assert house.status.state(channel.id).state is LiveState.OFFLINE
    assert sentences == ["Nothing that could be played came in time."]


async def test_after_a_restart_nothing_is_falsely_live(
    house: House, database: Database, tmp_path: Path
) -> None:
    states = {"lab_one": "available", "lab_two": "connected", "lab_three": "lost"}
    channels = {name: await house.channel(name) for name in states}
    for name, kind in states.items():
        if kind == "lost":
            await house.status.event(event(channels[name].id, "available"))
        await house.status.event(event(channels[name].id, kind))
    before = house.status.state(channels["lab_one"].id)
    await database.execute(  # of a crash before that
        tables.broadcasts.insert().values(
            channel_id=channels["lab_two"].id,
            provider="memory",
            title="",
            started_at=before.started_at,
        )
    )
    following = make_house(database, tmp_path, 0.2)
    try:
        await following.status.recover()
        recovered = following.status.state(channels["lab_one"].id)
        assert recovered.state is LiveState.INTERRUPTED
        assert recovered.broadcast_id == before.broadcast_id
        assert recovered.started_at == before.started_at
        assert following.status.state(channels["lab_two"].id).state is LiveState.OFFLINE
        assert following.status.state(channels["lab_three"].id).state is LiveState.INTERRUPTED
        open_ones = [r.id for r in await rows(database, tables.broadcasts) if r.ended_at is None]
        assert len(open_ones) == 2
        # One encoder comes back, the other does not.
        await following.status.event(event(channels["lab_one"].id, "connected", "new"))
        await following.status.event(event(channels["lab_one"].id, "available", "new"))
        await until(
            lambda: following.status.state(channels["lab_three"].id).state is LiveState.OFFLINE
        )
        await following.settled()
        assert following.status.state(channels["lab_one"].id).state is LiveState.LIVE
        open_ones = [r.id for r in await rows(database, tables.broadcasts) if r.ended_at is None]
        assert open_ones == [before.broadcast_id]
    finally:
        await following.stop()


@pytest.mark.parametrize("hosted_by", ["gone", None])
async def test_after_a_restart_without_its_provider_another_takes_over(
    house: House, database: Database, tmp_path: Path, hosted_by: str | None
) -> None:
    channel = await house.channel()
    if hosted_by is None:  # a crash before the broadcast could be stored
        await house.store.save(
            channel.id,
            LiveState.INTERRUPTED,
            broadcast_id=None,
            session="a",
            changed_at=house.status._now(),
            started_at=house.status._now(),
        )
    else:
        await house.status.event(event(channel.id, "available", provider=hosted_by))
    following = make_house(database, tmp_path, 30.0)
    try:
        await following.status.recover()
        await following.publish(channel)
        following.provider.available[channel.id]()
        assert following.status.state(channel.id).state is LiveState.LIVE
        assert following.status.state(channel.id).provider == "memory"
    finally:
        await following.stop()


async def test_a_clean_stop_ends_no_broadcast(house: House) -> None:
    channel = await house.channel()
    await house.status.event(event(channel.id, "available"))
    await house.status.stop()
    (status,) = await rows(house.db, tables.live_status)
    assert status.state == "live"


async def test_status_goes_on_when_the_database_is_away(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await house.channel()
    await house.db.disconnect()
    house.status.tell(channel.ref, event(channel.id, "available"))
    await house.settled()
    await house.db.connect()
    assert house.status.state(channel.id).state is LiveState.LIVE
    assert house.states() == ["live"]
    assert "lab_one: the live status could not be stored" in caplog.text


async def test_what_could_not_be_stored_is_stored_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.05)
    channel = await house.channel()
    for kind, state in (("available", "live"), ("ended", "offline")):
        await house.db.disconnect()
        house.status.tell(channel.ref, event(channel.id, kind))
        await house.settled()
        assert house.states()[-1] == state
        await house.db.connect()
        async with asyncio.timeout(5):
            while [row.state for row in await rows(house.db, tables.live_status)] != [state]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await house.settled()
    (broadcast,) = await rows(house.db, tables.broadcasts)
    assert broadcast.ended_at is not None
    assert house.status._live[channel.id].retry is None


async def test_a_database_that_does_not_answer_holds_up_nothing_for_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "STORE_SECONDS", 0.05)
    channel = await house.channel()

    async def hangs(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(house.store, "save", hangs)
    house.status.tell(channel.ref, event(channel.id, "available"))
    house.status.tell(channel.ref, event(channel.id, "lost"))
    await house.settled()
    assert house.states() == ["live", "interrupted"]


def make_house(database: Database, folder: Path, window: float) -> Any:
    return House(database, folder, SystemClock(), window)


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait for a condition, at most that long."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
