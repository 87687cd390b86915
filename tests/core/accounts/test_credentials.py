"""New passwords, on both databases."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from metropole_core.accounts import Accounts
from metropole_core.accounts.credentials import Credentials
from metropole_core.accounts.people import People
from metropole_core.db.connection import Database
from metropole_core.db.tables import password_resets
from metropole_core.errors import Forbidden, Invalid, NotFound, TooMany
from tests.core.accounts.joining import PASSWORD, sign_in, sign_up

NEW = "four other words now"
HOME = "203.0.113.5"


async def test_ones_own_password(accounts: Accounts, credentials: Credentials) -> None:
    anna, here = await sign_up(accounts)
    there = await sign_in(accounts)
    ended: list[str] = []
    accounts.signed_out.append(ended.append)
    with pytest.raises(Invalid, match="not your password") as caught:
        await credentials.change(anna, old="some wrong words", new=NEW, keep=here)
    assert caught.value.field == "old"
    with pytest.raises(Invalid) as caught:
        await credentials.change(anna, old=PASSWORD, new="short", keep=here)
    assert caught.value.field == "password"
    await credentials.change(anna, old=PASSWORD, new=NEW, keep=here)
    assert await accounts.session(here) is not None
    assert await accounts.session(there) is None
    assert ended == [accounts.sessions.token_hash(there)]
    with pytest.raises(Invalid):
        await sign_in(accounts)
    await sign_in(accounts, password=NEW)


async def test_tries_at_the_old_password_are_counted(
    accounts: Accounts, credentials: Credentials
) -> None:
    anna, here = await sign_up(accounts)
    for _ in range(10):
        with pytest.raises(Invalid):
            await credentials.change(anna, old="some wrong words", new=NEW, keep=here)
    with pytest.raises(TooMany):
        await credentials.change(anna, old=PASSWORD, new=NEW, keep=here)


async def test_of_two_changes_at_once_one_holds(
    accounts: Accounts, credentials: Credentials
) -> None:
    anna, here = await sign_up(accounts)
    tries = [credentials.change(anna, old=PASSWORD, new=f"{NEW} {n}", keep=here) for n in range(2)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, Invalid) for result in results) == 1


async def test_a_link_works_once(
    accounts: Accounts,
    credentials: Credentials,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    anna, session = await sign_up(accounts)
    older = await credentials.make_link(anna, by=None)
    token = await credentials.make_link(anna, by=anna)
    rows = await database.fetch_all(sa.select(password_resets))
    assert len(rows) == 1
    assert token not in repr([tuple(row) for row in rows])
    with pytest.raises(NotFound, match="a newer one was made"):
        await credentials.whose(older, HOME)
    assert (await credentials.whose(token, HOME)).id == anna.id
    with pytest.raises(Invalid):
        await credentials.use_link(token, "anna", HOME)
    results = await asyncio.gather(
        *(credentials.use_link(token, NEW, HOME) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, NotFound) for result in results) == 2
    assert await accounts.session(session) is None
    await sign_in(accounts, password=NEW)
    with pytest.raises(NotFound):
        await credentials.whose(token, HOME)
    assert token not in caplog.text


async def test_a_link_lasts_a_day(accounts: Accounts, credentials: Credentials, clock: Any) -> None:
    anna, _ = await sign_up(accounts)
    token = await credentials.make_link(anna, by=None)
    clock.advance(86_401)
    with pytest.raises(NotFound):
        await credentials.use_link(token, NEW, HOME)


async def test_changing_the_password_voids_links(
    accounts: Accounts, credentials: Credentials
) -> None:
    anna, here = await sign_up(accounts)
    token = await credentials.make_link(anna, by=None)
    await credentials.change(anna, old=PASSWORD, new=NEW, keep=here)
    with pytest.raises(NotFound):
        await credentials.whose(token, HOME)


async def test_links_that_never_were_are_counted(credentials: Credentials) -> None:
    for n in range(30):
        with pytest.raises(NotFound):
            await credentials.whose("\ud800" if n else "x" * 10_000, HOME)
    with pytest.raises(TooMany):
        await credentials.whose("guessed", HOME)


async def test_a_link_does_not_unblock(
    accounts: Accounts, credentials: Credentials, people: People
) -> None:
    anna, _ = await sign_up(accounts)
    await people.block(anna.id, by=None)
    await credentials.use_link(await credentials.make_link(anna, by=None), NEW, HOME)
    with pytest.raises(Forbidden):
        await sign_in(accounts, password=NEW)


async def test_the_operator_sets_a_password(
    accounts: Accounts, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    anna, session = await sign_up(accounts)
    with pytest.raises(Invalid):
        await credentials.set(anna, "short", by=None)
    await credentials.set(anna, NEW, by=None)
    assert await accounts.session(session) is None
    await sign_in(accounts, password=NEW)
    assert "the command line set the password of anna" in caplog.text
    assert NEW not in caplog.text


async def test_a_sign_in_with_the_old_password_that_was_under_way_stays_outside(
    accounts: Accounts, credentials: Credentials
) -> None:
    anna, _ = await sign_up(accounts)
    found = await accounts._store.with_password("anna")
    assert found is not None
    await credentials.set(anna, NEW, by=None)
    with pytest.raises(Invalid):
        await accounts.sessions.open(anna, HOME, "", password_hash=found[1])
