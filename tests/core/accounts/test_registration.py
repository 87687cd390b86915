"""The four ways in, on both databases."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from metropole_core.accounts import Accounts, service
from metropole_core.accounts.model import AccountState
from metropole_core.channels import Channels
from metropole_core.db.connection import Database
from metropole_core.db.tables import invitations as invitation_table
from metropole_core.db.tables import sessions, users
from metropole_core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable
from tests.core.accounts.joining import sign_up

DAY = 86_400


async def test_closed_takes_nobody_not_even_the_invited(accounts: Accounts) -> None:
    _, code = await accounts.invitations.create(by=None)
    accounts.registration = "closed"
    for given in ("", code):
        with pytest.raises(Forbidden, match="takes no new accounts"):
            await sign_up(accounts, code=given)
    await accounts.create(name="maria", password="a password of hers", email=None)


async def test_by_invitation(accounts: Accounts, channels: Channels, clock: Any) -> None:
    accounts.registration = "invitation"
    with pytest.raises(Invalid, match="by invitation") as caught:
        await sign_up(accounts)
    assert caught.value.field == "code"
    made, code = await accounts.invitations.create(by=None, note=" For  Anna ", may_stream=True)
    assert (made.note, made.uses, made.max_uses) == ("For Anna", 0, 1)
    with pytest.raises(Invalid) as caught:
        await sign_up(accounts, "admin", code=code)
    assert caught.value.code == "reserved_name"
    assert (await accounts.invitations.all())[0].uses == 0, "a typing error uses nothing up"
    anna, _ = await sign_up(accounts, code=f" {code} ")
    assert anna.state is AccountState.ACTIVE
    assert anna.may_stream is True
    assert await accounts.by_id(anna.id) == anna
    assert len(await channels.of_owner(anna.id)) == 1
    with pytest.raises(Invalid, match="used up") as caught:
        await sign_up(accounts, "bob", code=code)
    assert caught.value.code == "bad_invitation"
    assert await accounts.by_name("bob") is None


@pytest.mark.parametrize("code", ["x", "x" * 10_000, "\ud800", "\0"])
async def test_codes_that_never_were(accounts: Accounts, code: str) -> None:
    with pytest.raises(Invalid, match="used up, too old"):
        await sign_up(accounts, code=code)


async def test_too_old_or_taken_back(accounts: Accounts, clock: Any) -> None:
    accounts.registration = "invitation"
    made, code = await accounts.invitations.create(by=None, days=1, uses=5)
    await sign_up(accounts, code=code)
    clock.advance(DAY + 1)
    with pytest.raises(Invalid, match="too old"):
        await sign_up(accounts, "bob", code=code)
    forever, code = await accounts.invitations.create(by=None, days=None)
    clock.advance(400 * DAY)
    await sign_up(accounts, "bob", code=code)
    other, code = await accounts.invitations.create(by=None)
    await accounts.invitations.revoke(other.id, by=None)
    with pytest.raises(Invalid, match="taken back"):
        await sign_up(accounts, "carl", code=code)
    with pytest.raises(NotFound):
        await accounts.invitations.revoke(other.id, by=None)
    assert [each.id for each in await accounts.invitations.all()] == [forever.id, made.id]


async def test_of_two_with_the_last_use_one_gets_in(accounts: Accounts) -> None:
    accounts.registration = "invitation"
    _, code = await accounts.invitations.create(by=None, uses=2)
    results = await asyncio.gather(
        *(sign_up(accounts, f"user{n}", code=code) for n in range(6)), return_exceptions=True
    )
    assert sum(isinstance(result, tuple) for result in results) == 2
    assert sum(isinstance(result, Invalid) for result in results) == 4
    assert (await accounts.invitations.all())[0].uses == 2
    there = [await accounts.by_name(f"user{n}") for n in range(6)]
    assert sum(user is not None for user in there) == 2


async def test_a_name_that_was_taken_meanwhile_uses_nothing_up(accounts: Accounts) -> None:
    _, code = await accounts.invitations.create(by=None, uses=5)
    results = await asyncio.gather(
        *(sign_up(accounts, "anna", code=code, address=f"203.0.113.{n}") for n in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert (await accounts.invitations.all())[0].uses == 1


async def test_the_code_is_in_no_table_and_no_log(
    accounts: Accounts, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, code = await accounts.invitations.create(by=None)
    rows = await database.fetch_all(sa.select(invitation_table))
    assert code not in repr([tuple(row) for row in rows])
    await sign_up(accounts, code=code)
    assert code not in caplog.text


async def test_tries_at_codes_are_counted(accounts: Accounts) -> None:
    for _ in range(30):
        with pytest.raises(Invalid):
            await sign_up(accounts, code="guessed")
    with pytest.raises(TooMany):
        await sign_up(accounts, code="guessed")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"uses": 0}, "uses"), ({"uses": 1001}, "uses"), ({"days": 0}, "days"),
     ({"days": 366}, "days"), ({"note": "x" * 101}, "note")],
)  # fmt: skip
async def test_bounds_of_invitations(accounts: Accounts, wrong: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await accounts.invitations.create(by=None, **wrong)
    assert caught.value.field == field


async def test_so_many_invitations_and_no_more(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from metropole_core.accounts import invitations

    monkeypatch.setattr(invitations, "MAX_INVITATIONS", 2)
    for _ in range(2):
        await accounts.invitations.create(by=None)
    with pytest.raises(Conflict, match="Revoke old ones"):
        await accounts.invitations.create(by=None)


async def test_by_approval_one_waits(
    accounts: Accounts, channels: Channels, database: Database
) -> None:
    accounts.registration = "approval"
    anna, token = await sign_up(accounts)
    assert anna.state is AccountState.PENDING
    assert not anna.is_active
    assert await channels.of_owner(anna.id) == [], "no page shows what a stranger writes"
    session = await accounts.session(token)
    assert session is not None
    assert session.user == anna
    with pytest.raises(Conflict, match="anna is taken"):
        await sign_up(accounts, "anna")
    owner = await accounts.create(name="owner", password="a password of his", email=None)
    with pytest.raises(Conflict, match="anna is taken"):
        await channels.create(owner.id, "anna")
    _, code = await accounts.invitations.create(by=None)
    bob, _ = await sign_up(accounts, "bob", code=code)
    assert bob.is_active, "the invited need not wait"


async def test_so_many_wait_and_no_more(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(service, "MAX_PENDING", 1)
    accounts.registration = "approval"
    await sign_up(accounts)
    with pytest.raises(Unavailable, match="Too many people wait"):
        await sign_up(accounts, "bob")
    for table in (users, sessions):
        count = sa.select(sa.func.count()).select_from(table)
        assert await database.fetch_val(count) == 1
