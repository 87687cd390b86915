"""Messages and modes in both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from metropole_core.accounts import Accounts
from metropole_core.channels import Channel, Channels
from metropole_core.chat.messages import Message
from metropole_core.chat.store import GONE, ChatStore, NewMessage
from metropole_core.db.connection import Database
from metropole_core.errors import Unavailable

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
async def channel(accounts: Accounts, channels: Channels) -> Channel:
    user = await accounts.create(name="ann", password="four little words", email=None)
    return (await channels.of_owner(user.id))[0]


def new(channel: Channel, number: int, user_id: int, text: str = "hi") -> NewMessage:
    key = f"u{user_id}"
    role = "owner" if user_id == channel.owner_id else "viewer"
    at = AT + timedelta(seconds=number)
    return NewMessage(
        channel.id, user_id, Message(f"{number:016d}", "Ann 🦉", key, 17, role, text, at)
    )


async def test_round_trip(database: Database, channel: Channel) -> None:
    store = ChatStore(database)
    sent = [new(channel, n, channel.owner_id, f"grüße 🦉 {n} %s :x") for n in range(120)]
    await asyncio.gather(*(store.put(each) for each in sent))
    history = await store.history(channel.id, 50)
    assert history == [each.message for each in sent[-50:]]
    assert await store.history(channel.id + 1, 50) == []


async def test_deleting(database: Database, channel: Channel) -> None:
    store = ChatStore(database)
    await asyncio.gather(*(store.put(new(channel, n, channel.owner_id)) for n in range(5)))
    second = f"{1:016d}"
    assert not await store.delete(channel.id + 1, second, AT)  # of another channel
    assert await store.delete(channel.id, second, AT)
    assert not await store.delete(channel.id, second, AT)
    assert [int(m.id) for m in await store.history(channel.id, 50)] == [0, 2, 3, 4]
    assert [int(m.id) for m in await store.history(channel.id, 4)] == [0, 2, 3, 4]
    assert await store.deleted(channel.id, 50) == [second]
    assert await store.deleted(channel.id, 3) == []


async def test_an_account_that_is_gone_hurts_no_other_message(
    database: Database, channel: Channel
) -> None:
    store = ChatStore(database)
    await store.put(new(channel, 0, channel.owner_id))
    rows = [
        new(channel, 1, channel.owner_id),
        new(channel, 2, 999),
        new(channel, 3, channel.owner_id),
    ]
    results = await asyncio.gather(*(store.put(row) for row in rows), return_exceptions=True)
    assert [type(r) for r in results] == [type(None), Unavailable, type(None)]
    assert [int(m.id) for m in await store.history(channel.id, 50)] == [0, 1, 3]


async def test_what_deleted_accounts_said_stays(
    database: Database, accounts: Accounts, channel: Channel
) -> None:
    store = ChatStore(database)
    bob = await accounts.create(name="bobby", password="four little words", email=None)
    await store.put(new(channel, 1, bob.id))
    await database.execute("DELETE FROM users WHERE id = :id", {"id": bob.id})
    (message,) = await store.history(channel.id, 50)
    assert (message.key, message.role, message.name) == (GONE, "guest", "Ann 🦉")


async def test_modes(database: Database, channel: Channel) -> None:
    store = ChatStore(database)
    assert await store.modes(channel.id) == {}
    await store.set_mode(channel.id, "slow", enabled=True, settings={"interval_s": 5})
    await store.set_mode(channel.id, "other", enabled=False, settings={})
    await store.set_mode(channel.id, "slow", enabled=True, settings={"interval_s": 60})
    found = await store.modes(channel.id)
    assert {n: (m.enabled, dict(m.settings)) for n, m in found.items()} == {
        "slow": (True, {"interval_s": 60}),
        "other": (False, {}),
    }


async def test_a_database_that_was_closed_refuses_in_words(
    database: Database, channel: Channel
) -> None:
    store = ChatStore(database)
    await database.disconnect()
    try:
        with pytest.raises(Unavailable) as refused:
            await store.put(new(channel, 0, channel.owner_id))
        assert "Try again" in refused.value.sentence
    finally:
        await database.connect()
