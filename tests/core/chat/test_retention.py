"""Old messages go, in both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from metropole_core.accounts import Accounts
from metropole_core.channels import Channel, Channels
from metropole_core.chat import retention
from metropole_core.chat.messages import Message
from metropole_core.chat.retention import Retention
from metropole_core.chat.store import ChatStore, NewMessage
from metropole_core.db.connection import Database

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def rooms(accounts: Accounts, channels: Channels, count: int) -> list[Channel]:
    found = []
    for number in range(count):
        name = f"room_{number}"
        user = await accounts.create(name=name, password="four little words", email=None)
        found += await channels.of_owner(user.id)
    return found


async def say(store: ChatStore, channel: Channel, first: int, count: int) -> None:
    await asyncio.gather(
        *(
            store.put(
                NewMessage(
                    channel.id,
                    channel.owner_id,
                    Message(f"{channel.id}-{n:012d}", "Ann", "u1", 17, "owner", f"{n}", AT),
                )
            )
            for n in range(first, first + count)
        )
    )


async def texts(store: ChatStore, channel: Channel) -> list[int]:
    return [int(each.text) for each in await store.history(channel.id, 10_000)]


async def test_each_room_keeps_its_last_messages(
    database: Database,
    accounts: Accounts,
    channels: Channels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "STEP", 7)
    store = ChatStore(database)
    busy, quiet, silent, other = await rooms(accounts, channels, 4)
    # Their rows lie among each other.
    for first in range(0, 60, 20):
        await say(store, busy, first, 20)
        await say(store, other, first, 10)
    await say(store, quiet, 0, 10)
    kept = Retention(database, 25, pause=0)
    assert await kept.sweep() == 35 + 5
    assert await texts(store, busy) == list(range(35, 60))
    assert await texts(store, other) == [*range(5, 10), *range(20, 30), *range(40, 50)]
    assert await texts(store, quiet) == list(range(10))
    assert await texts(store, silent) == []
    assert await kept.sweep() == 0
    await say(store, busy, 60, 1)
    assert await kept.sweep() == 1
    assert await texts(store, busy) == list(range(36, 61))


async def test_chat_goes_on_meanwhile(
    database: Database, accounts: Accounts, channels: Channels
) -> None:
    store = ChatStore(database)
    (room,) = await rooms(accounts, channels, 1)
    await say(store, room, 0, 1500)
    sweeping = asyncio.create_task(Retention(database, 100, pause=0.05).sweep())
    said, loop = 0, asyncio.get_running_loop()
    slowest = 0.0
    while not sweeping.done():
        began = loop.time()
        await say(store, room, 2000 + said, 1)
        slowest = max(slowest, loop.time() - began)
        said += 1
    assert said > 5
    assert slowest < 1.0
    assert await sweeping == 1400
    assert (await texts(store, room))[-said:] == list(range(2000, 2000 + said))


async def test_it_runs_by_itself_and_survives_a_fault(
    database: Database,
    accounts: Accounts,
    channels: Channels,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(retention, "SWEEP_SECONDS", 0.01)
    store = ChatStore(database)
    (room,) = await rooms(accounts, channels, 1)
    await say(store, room, 0, 30)
    kept = Retention(database, 20, pause=0)
    calls = 0

    async def failing(self: ChatStore, after: int) -> int | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("away")
        return await real(self, after)

    real = ChatStore.next_channel
    monkeypatch.setattr(ChatStore, "next_channel", failing)
    kept.start()
    try:
        async with asyncio.timeout(10):
            while len(await texts(store, room)) > 20:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await kept.stop()
    assert "could not be deleted" in caplog.text


async def test_without_a_bound_nothing_goes(
    database: Database, accounts: Accounts, channels: Channels
) -> None:
    store = ChatStore(database)
    (room,) = await rooms(accounts, channels, 1)
    await say(store, room, 0, 3)
    kept = Retention(database, 0)
    kept.start()
    await asyncio.sleep(0)
    await kept.stop()
    assert await texts(store, room) == [0, 1, 2]
