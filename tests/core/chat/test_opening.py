"""A room that many enter at the same time."""

from __future__ import annotations

import asyncio

import pytest

from metropole_core.accounts import Accounts
from metropole_core.bus import EventBus
from metropole_core.channels import Channels
from metropole_core.chat import Chat
from metropole_core.chat.service import Entered
from metropole_core.community import Follows
from metropole_core.contracts.channels import Person
from metropole_core.db.connection import Database
from metropole_core.registry import Registry
from tests.core.conftest import ManualClock


def guest(number: int) -> Person:
    return Person(f"g{number}", None, f"Guest {number}")


@pytest.mark.timeout(15)
@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)  # it is about the event loop
async def test_who_comes_in_the_moment_in_which_it_is_there(
    database: Database,
    accounts: Accounts,
    channels: Channels,
    follows: Follows,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The room is loaded, but nobody has been told so yet."""
    user = await accounts.create(name="ann", password="four little words", email=None)
    channel = (await channels.of_owner(user.id))[0].id
    chat = Chat(database, channels, follows, Registry(), EventBus(), clock)
    second: list[asyncio.Task[Entered]] = []
    fill = chat._tell_later

    def loaded(*arguments: object) -> None:
        if not second:
            second.append(asyncio.create_task(chat.enter(channel, guest(2))))
        fill(*arguments)

    # The last thing that loading does.
    monkeypatch.setattr(chat, "_tell_later", loaded)
    first = await chat.enter(channel, guest(1))
    assert {first.count, (await second[0]).count} == {1, 2}
    await chat.stop()
