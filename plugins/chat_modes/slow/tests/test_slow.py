"""Slow mode with a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest
from metropole_chat_mode_slow.mode import SlowMode, SlowSettings
from metropole_chat_mode_slow.plugin import Plugin
from pydantic import BaseModel, ValidationError

from metropole_core.contracts.channels import ChannelRef, Person
from metropole_core.contracts.chat_mode import Allow, ChatMode, Draft, Reject, Sender
from metropole_core.contracts.context import PluginContext
from metropole_core.testing import CHANNEL, FakeClock, conformance, make_context

TEN = SlowSettings()


class Nothing(BaseModel):
    """The operator has nothing to set."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def context(clock: FakeClock) -> PluginContext[BaseModel]:
    return make_context(Nothing(), name="chat_mode_slow", clock=clock)


@pytest.fixture
def mode(context: PluginContext[BaseModel]) -> SlowMode:
    registered: list[ChatMode] = []
    Plugin(context).register_chat_mode(register=registered.append)
    assert len(registered) == 1
    assert isinstance(registered[0], SlowMode)
    return registered[0]


def draft(
    key: str = "u5", channel: ChannelRef = CHANNEL, *, owner: bool = False, moderator: bool = False
) -> Draft:
    person = Person(key, int(key[1:]), key)
    return Draft(channel, Sender(person, owner, owner or moderator, None), "hello")


async def test_conforms(mode: SlowMode) -> None:
    await conformance.check_chat_mode(mode)


async def test_waits_after_a_message(mode: SlowMode, clock: FakeClock) -> None:
    assert await mode.check(draft(), TEN) == Allow()
    assert await mode.accepted(draft(), TEN) == 10
    clock.advance(4)
    verdict = await mode.check(draft(), TEN)
    assert isinstance(verdict, Reject)
    assert verdict.retry_after == pytest.approx(6, abs=0.01)
    assert verdict.reason == "Slow mode is on. You can write again in 6 s."
    clock.advance(6.01)
    assert await mode.check(draft(), TEN) == Allow()


async def test_checking_charges_nobody(mode: SlowMode) -> None:
    for _ in range(3):
        assert await mode.check(draft(), TEN) == Allow()


async def test_each_person_and_channel_for_itself(mode: SlowMode) -> None:
    await mode.accepted(draft("u5"), TEN)
    assert await mode.check(draft("u6"), TEN) == Allow()
    assert await mode.check(draft("u5", ChannelRef(2, "other", 7)), TEN) == Allow()
    assert isinstance(await mode.check(draft("u5"), TEN), Reject)


@pytest.mark.parametrize("role", ["owner", "moderator"])
async def test_owner_and_moderators_do_not_wait(mode: SlowMode, role: str) -> None:
    exempt = draft(owner=role == "owner", moderator=role == "moderator")
    assert await mode.accepted(exempt, TEN) is None
    assert await mode.check(exempt, TEN) == Allow()


async def test_a_shorter_interval_helps_who_waits(mode: SlowMode, clock: FakeClock) -> None:
    await mode.accepted(draft(), SlowSettings(interval_s=3600))
    clock.advance(20)
    assert isinstance(await mode.check(draft(), SlowSettings(interval_s=30)), Reject)
    assert await mode.check(draft(), TEN) == Allow()


async def test_a_clock_set_back_makes_nobody_wait_longer(
    context: PluginContext[BaseModel], clock: FakeClock
) -> None:
    mode = SlowMode(context.shared, clock)
    await mode.accepted(draft(), TEN)
    earlier = SlowMode(context.shared, FakeClock(clock.time() - 86_400))
    verdict = await earlier.check(draft(), TEN)
    assert isinstance(verdict, Reject)
    assert verdict.retry_after == 10


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 s"), (90, "90 s"), (60, "1 min"), (150, "2 min 30 s"), (3600, "60 min")],
)
def test_sentence(mode: SlowMode, seconds: int, words: str) -> None:
    sentence = mode.sentence(SlowSettings(interval_s=seconds))
    assert sentence == f"Slow: one message every {words}"


@pytest.mark.parametrize("seconds", [0, 3601, "soon"])
def test_bounds_of_the_interval(seconds: Any) -> None:
    with pytest.raises(ValidationError):
        SlowSettings(interval_s=seconds)
