"""Which modes are on in a channel, on both databases."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from metropole_core.accounts import Accounts
from metropole_core.channels import Channels
from metropole_core.chat.modes import ChatModes
from metropole_core.chat.store import ChatStore
from metropole_core.contracts.chat_mode import Allow, Draft, Stage, Verdict
from metropole_core.contracts.events import ChatSettingsChanged
from metropole_core.db.connection import Database
from metropole_core.errors import Invalid, NotFound
from metropole_core.registry import Registry
from tests.core.conftest import RecordedEvents


class Old(BaseModel):
    seconds: int = Field(5, ge=1, le=60, title="Seconds")


class New(BaseModel):
    seconds: int = Field(5, ge=1, le=10, title="Seconds")


class Mode:
    title = "Test"
    description = "For tests."
    fail_open = True
    Settings: ClassVar[type[BaseModel]] = Old

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.stage = stage

    def sentence(self, settings: BaseModel) -> str:
        if self.name == "mute":
            raise RuntimeError("no words")
        return f"{self.name}: {settings}"

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        return Allow()

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        return None


class Newer(Mode):
    Settings: ClassVar[type[BaseModel]] = New


def registry(*modes: Mode) -> Registry:
    made = Registry()
    for mode in modes:
        made.add(f"chat_mode_{mode.name}", "register_chat_mode", mode)
    return made


@pytest.fixture
async def channel_id(accounts: Accounts, channels: Channels) -> int:
    user = await accounts.create(name="ann", password="four little words", email=None)
    return (await channels.of_owner(user.id))[0].id


async def test_order_switch_and_settings(
    database: Database, events: RecordedEvents, channel_id: int
) -> None:
    made = registry(
        Mode("zeta", Stage.PERMISSION), Mode("beta", Stage.PACE), Mode("alpha", Stage.PACE)
    )
    modes = ChatModes(ChatStore(database), made, events)
    states = await modes.states(channel_id)
    assert [(s.mode.name, s.enabled, s.settings) for s in states] == [
        (name, False, Old()) for name in ("zeta", "alpha", "beta")
    ]
    assert await modes.active(channel_id) == ()
    await modes.set(channel_id, "beta", enabled=True, settings=Old(seconds=7))
    await modes.set(channel_id, "zeta", enabled=True, settings={"seconds": 9})
    active = await modes.active(channel_id)
    assert [(a.mode.name, a.settings) for a in active] == [
        ("zeta", Old(seconds=9)),
        ("beta", Old(seconds=7)),
    ]
    assert events.seen[-2:] == [ChatSettingsChanged(channel_id=channel_id)] * 2
    # Another process has changed it.
    other = ChatModes(ChatStore(database), made, events)
    await other.set(channel_id, "beta", enabled=False, settings=Old(seconds=7))
    assert len(await modes.active(channel_id)) == 2
    modes.forget(channel_id)
    assert [a.mode.name for a in await modes.active(channel_id)] == ["zeta"]


async def test_what_cannot_be_set(
    database: Database, events: RecordedEvents, channel_id: int
) -> None:
    modes = ChatModes(ChatStore(database), registry(Mode("slow", Stage.PACE)), events)
    before = list(events.seen)
    with pytest.raises(NotFound):
        await modes.set(channel_id, "gone", enabled=True, settings={})
    with pytest.raises(Invalid) as refused:
        await modes.set(channel_id, "slow", enabled=True, settings={"seconds": 61})
    assert refused.value.field == "seconds"
    assert events.seen == before
    assert await modes.active(channel_id) == ()


async def test_settings_that_do_not_fit_any_more(
    database: Database, events: RecordedEvents, channel_id: int
) -> None:
    store = ChatStore(database)
    await ChatModes(store, registry(Mode("slow", Stage.PACE)), events).set(
        channel_id, "slow", enabled=True, settings={"seconds": 60}
    )
    updated = ChatModes(store, registry(Newer("slow", Stage.PACE)), events)
    (active,) = await updated.active(channel_id)
    assert active.settings == New()
    without = ChatModes(store, registry(), events)
    assert await without.states(channel_id) == ()


async def test_a_mode_without_words(
    database: Database, events: RecordedEvents, channel_id: int
) -> None:
    modes = ChatModes(ChatStore(database), registry(Mode("mute", Stage.PACE)), events)
    (state,) = await modes.states(channel_id)
    assert state.sentence == "Test"
