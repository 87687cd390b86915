"""What administrators decide about people, on both databases."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from metropole_core.accounts import Accounts, User
from metropole_core.accounts import people as people_module
from metropole_core.accounts.model import AccountState
from metropole_core.accounts.people import People
from metropole_core.accounts.rights import StreamRights
from metropole_core.channels import Channels
from metropole_core.contracts.events import ChannelCreated
from metropole_core.db.connection import Database
from metropole_core.db.tables import users
from metropole_core.errors import Conflict, Forbidden, NotFound
from tests.core.accounts.joining import PASSWORD, sign_in, sign_up


async def admin(accounts: Accounts, name: str = "boss_one") -> User:
    return await accounts.create(name=name, password=PASSWORD, email=None, is_admin=True)


async def test_approved_one_gets_in_with_a_channel(
    accounts: Accounts,
    people: People,
    channels: Channels,
    events: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    boss = await admin(accounts)
    accounts.registration = "approval"
    anna, token = await sign_up(accounts, display_name="Anna K.")
    assert await people.waiting() == 1
    approved = await people.approve(anna.id, by=boss)
    assert approved.is_active
    session = await accounts.session(token)
    assert session is not None
    assert session.user.is_active, "who waited stays signed in"
    (channel,) = await channels.of_owner(anna.id)
    assert (channel.name, channel.display_name) == ("anna", "Anna K.")
    assert events.seen[-1] == ChannelCreated(channel_id=channel.id, name="anna")
    assert "administrator boss_one approved anna" in caplog.text
    with pytest.raises(Conflict, match="does not wait"):
        await people.approve(anna.id, by=boss)
    with pytest.raises(Conflict, match="does not wait"):
        await people.refuse(anna.id, by=boss)
    assert await accounts.by_id(anna.id) is not None


async def test_refused_one_is_gone_and_the_name_is_free(accounts: Accounts, people: People) -> None:
    accounts.registration = "approval"
    anna, token = await sign_up(accounts)
    ended: list[str] = []
    accounts.signed_out.append(ended.append)
    await people.refuse(anna.id, by=None)
    assert await accounts.session(token) is None
    assert ended == [accounts.sessions.token_hash(token)]
    assert await accounts.by_name("anna") is None
    again, _ = await sign_up(accounts, "anna", address="203.0.113.77")
    assert again.id != anna.id or again.created_at >= anna.created_at
    with pytest.raises(NotFound):
        await people.refuse(12345, by=None)


async def test_one_decision_of_two_at_once(accounts: Accounts, people: People) -> None:
    accounts.registration = "approval"
    anna, _ = await sign_up(accounts)
    results = await asyncio.gather(
        people.approve(anna.id, by=None), people.approve(anna.id, by=None), return_exceptions=True
    )
    assert sum(isinstance(result, User) for result in results) == 1


async def test_blocked_one_is_out_everywhere_at_once(
    accounts: Accounts, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    boss = await admin(accounts)
    anna, first = await sign_up(accounts)
    second = await sign_in(accounts)
    ended: set[str] = set()
    accounts.signed_out.append(ended.add)
    asked: list[bool] = []

    async def changed() -> None:
        asked.append(True)

    people.changed.append(changed)
    blocked = await people.block(anna.id, by=boss)
    assert blocked.state is AccountState.BLOCKED
    assert ended == {accounts.sessions.token_hash(token) for token in (first, second)}
    assert asked == [True]
    for token in (first, second):
        assert await accounts.session(token) is None
    with pytest.raises(Forbidden, match=r"blocked\. Ask the operator"):
        await sign_in(accounts)
    assert "administrator boss_one blocked anna" in caplog.text
    await people.unblock(anna.id, by=boss)
    assert await accounts.session(first) is None
    await sign_in(accounts)
    with pytest.raises(Conflict, match="not blocked"):
        await people.unblock(anna.id, by=boss)


async def test_a_wrong_password_does_not_tell_who_is_blocked(
    accounts: Accounts, people: People
) -> None:
    anna, _ = await sign_up(accounts)
    await people.block(anna.id, by=None)
    with pytest.raises(Exception, match="Name or password is wrong"):
        await sign_in(accounts, password="some other words")


async def test_a_sign_in_that_was_under_way_stays_outside(
    accounts: Accounts, people: People
) -> None:
    anna, _ = await sign_up(accounts)
    await people.block(anna.id, by=None)
    with pytest.raises(Exception, match="Name or password is wrong"):
        await accounts.sessions.open(anna, "203.0.113.1", "")


async def test_somebody_always_administers(accounts: Accounts, people: People) -> None:
    boss = await admin(accounts)
    with pytest.raises(Conflict, match="yourself"):
        await people.block(boss.id, by=boss)
    with pytest.raises(Conflict, match="only administrator"):
        await people.block(boss.id, by=None)
    second = await admin(accounts, "boss_two")
    results = await asyncio.gather(
        people.block(boss.id, by=second), people.block(second.id, by=boss), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 1, results
    left = [await accounts.by_id(each.id) for each in (boss, second)]
    assert sum(each is not None and each.is_active for each in left) == 1


async def test_who_waits_is_refused_rather_than_blocked(accounts: Accounts, people: People) -> None:
    await admin(accounts)
    accounts.registration = "approval"
    anna, _ = await sign_up(accounts)
    with pytest.raises(Conflict, match="refuse them"):
        await people.block(anna.id, by=None)


@pytest.mark.parametrize("setting", ["everyone", "granted"])
async def test_the_right_to_stream(
    accounts: Accounts, people: People, channels: Channels, database: Database, setting: Any
) -> None:
    rights = StreamRights(database, setting)
    boss = await admin(accounts)
    anna, _ = await sign_up(accounts)
    (channel,) = await channels.of_owner(anna.id)
    by_default = setting == "everyone"
    for decided, may in ((None, by_default), (True, True), (False, False), (None, by_default)):
        user = await people.set_streaming(anna.id, decided, by=boss)
        assert user.may_stream is decided
        assert (rights.why_not(user) is None) == may
        assert (await rights.why_not_by_id(anna.id) is None) == may
        assert (channel.id not in await rights.lost([channel.id])) == may
    refused = await people.set_streaming(boss.id, False, by=None)
    assert rights.why_not(refused) is None, "administrators always may"
    await people.set_streaming(anna.id, True, by=boss)
    blocked = await people.block(anna.id, by=boss)
    assert "blocked" in str(rights.why_not(blocked))
    assert await rights.why_not_by_id(99_999) is not None
    assert await rights.lost([]) == {}


async def test_the_list_is_searched_and_bounded(
    accounts: Accounts, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "PER_PAGE", 2)
    for name in ("anna", "bob_50", "carl"):
        await sign_up(accounts, name, display_name="Zoë %" if name == "carl" else None)
    accounts.registration = "approval"
    await sign_up(accounts, "dora")
    accounts.registration = "open"
    await sign_up(accounts, "emil")

    async def names(**more: Any) -> list[str]:
        return [row.user.name for row in (await people.page(**more)).people]

    first = await people.page()
    assert (first.count, first.page, first.pages) == (5, 1, 3)
    assert await names() == ["dora", "emil"], "who waits first, then the newest"
    assert await names(page=3) == ["anna"]
    assert await names(page=99) == ["anna"]
    assert await names(text="ANN") == ["anna"]
    assert await names(text="zoë %") == ["carl"]
    assert await names(text="%") == ["carl"], "a sign, not a pattern"
    assert await names(text="b_5") == ["bob_50"]
    assert await names(text="x" * 5000) == []
    assert await names(state=AccountState.PENDING) == ["dora"]
    assert await names(state=AccountState.BLOCKED) == []
    seen = (await people.page(text="anna")).people[0]
    assert seen.seen_at is not None
    assert (await people.page(text="nobody")).pages == 1


async def test_sessions_that_another_process_ended_are_found(
    accounts: Accounts, people: People, database: Database
) -> None:
    anna, gone = await sign_up(accounts)
    _, stays = await sign_up(accounts, "bob")
    elsewhere = People(database, channels=people._channels, sessions=people._sessions)
    await elsewhere.block(anna.id, by=None)
    hashes = [accounts.sessions.token_hash(token) for token in (gone, stays, "never")]
    assert await accounts.sessions.gone(hashes) == {hashes[0], hashes[2]}
    assert await accounts.sessions.gone([]) == set()


async def test_a_session_of_a_blocked_account_counts_for_nothing(
    accounts: Accounts, database: Database
) -> None:
    """Also one that was not deleted, whoever blocked the account."""
    anna, token = await sign_up(accounts)
    await database.execute(users.update().where(users.c.id == anna.id).values(state="blocked"))
    assert await accounts.session(token) is None
