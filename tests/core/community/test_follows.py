"""Following, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from metropole_core.accounts import Accounts
from metropole_core.channels import Channels
from metropole_core.community import Follows
from metropole_core.community import follows as rules
from metropole_core.contracts.events import Followed, Unfollowed
from metropole_core.errors import Forbidden, NotFound

PASSWORD = "four random words here"


@pytest.fixture
async def people(accounts: Accounts, channels: Channels, events: Any) -> list[tuple[int, int]]:
    """Account and channel of anna, bob and carl."""
    made = []
    for name in ("anna", "bob", "carl"):
        user = await accounts.create(name=name, password=PASSWORD, email=None)
        made.append((user.id, (await channels.of_owner(user.id))[0].id))
    events.seen.clear()
    return made


async def test_follow_and_unfollow(
    people: list[tuple[int, int]], follows: Follows, events: Any, clock: Any
) -> None:
    (anna, annas), (bob, _), (carl, carls) = people
    assert not await follows.is_following(bob, annas)
    assert await follows.since(bob, annas) is None
    await follows.follow(bob, annas)
    since = datetime.fromtimestamp(clock.time(), UTC)
    clock.advance(10)
    await follows.follow(bob, annas)  # once is enough
    await follows.follow(bob, carls)
    await follows.follow(carl, annas)
    assert await follows.since(bob, annas) == since
    assert await follows.count(annas) == 2
    assert [channel.id for channel in await follows.of_user(bob)] == [carls, annas]
    assert await follows.of_user(anna) == []
    await follows.unfollow(bob, annas)
    await follows.unfollow(bob, annas)
    assert not await follows.is_following(bob, annas)
    assert await follows.count(annas) == 1
    assert events.seen == [
        Followed(channel_id=annas, user_id=bob),
        Followed(channel_id=carls, user_id=bob),
        Followed(channel_id=annas, user_id=carl),
        Unfollowed(channel_id=annas, user_id=bob),
    ]


async def test_what_cannot_be_followed(
    people: list[tuple[int, int]], follows: Follows, monkeypatch: pytest.MonkeyPatch
) -> None:
    (anna, annas), (_, bobs), (_, carls) = people
    with pytest.raises(Forbidden, match="your own"):
        await follows.follow(anna, annas)
    with pytest.raises(NotFound):
        await follows.follow(anna, 0)
    monkeypatch.setattr(rules, "MAX_FOLLOWED", 1)
    await follows.follow(anna, bobs)
    with pytest.raises(Forbidden, match="at most 1 channels"):
        await follows.follow(anna, carls)
    assert await follows.of_user(0) == []


async def test_many_clicks_at_once_are_one_follow(
    people: list[tuple[int, int]], follows: Follows, events: Any
) -> None:
    (_, annas), (bob, _), _ = people
    await asyncio.gather(*[follows.follow(bob, annas) for _ in range(10)])
    assert await follows.count(annas) == 1
    assert events.seen == [Followed(channel_id=annas, user_id=bob)]
