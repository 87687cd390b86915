"""Signing up, in and out, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from metropole_core.accounts import Accounts, User, service
from metropole_core.accounts.passwords import Argon2Parameters, PasswordHasher
from metropole_core.channels import Channels
from metropole_core.contracts.events import ChannelCreated
from metropole_core.db.connection import Database
from metropole_core.db.tables import channels as channel_table
from metropole_core.db.tables import sessions, users
from metropole_core.errors import Conflict, Invalid, MetropoleError, TooMany

PASSWORD = "four random words here"
DAY = 86_400


async def sign_up(accounts: Accounts, name: str = "anna", **more: Any) -> tuple[User, str]:
    values = {
        "name": name,
        "password": PASSWORD,
        "email": None,
        "display_name": None,
        "address": "203.0.113.1",
        "user_agent": "Firefox",
    }
    return await accounts.sign_up(**{**values, **more})


async def sign_in(accounts: Accounts, login: str = "anna", **more: Any) -> tuple[User, str]:
    values = {
        "login": login,
        "password": PASSWORD,
        "address": "203.0.113.1",
        "user_agent": "Firefox",
    }
    return await accounts.sign_in(**{**values, **more})


async def test_sign_up_makes_account_channel_and_session(
    accounts: Accounts, channels: Channels, events: Any
) -> None:
    user, token = await sign_up(accounts, " Anna_1 ", email=" anna@example.org ")
    assert (user.name, user.display_name, user.email) == ("anna_1", "Anna_1", "anna@example.org")
    assert not user.is_admin
    assert await accounts.by_id(user.id) == user
    assert await accounts.by_name("ANNA_1") == user
    channel = await channels.by_name("anna_1")
    assert channel is not None
    assert (channel.owner_id, channel.display_name) == (user.id, "Anna_1")
    assert events.seen == [ChannelCreated(channel_id=channel.id, name="anna_1")]
    session = await accounts.session(token)
    assert session is not None
    assert session.user == user


async def test_only_hashes_are_stored(accounts: Accounts, database: Database) -> None:
    _, token = await sign_up(accounts)
    session = await accounts.session(token)
    assert session is not None
    rows = [
        *await database.fetch_all(sa.select(users)),
        *await database.fetch_all(sa.select(sessions)),
    ]
    text = repr([tuple(row) for row in rows])
    for secret in (token, PASSWORD, session.csrf):
        assert secret not in text
    assert session.csrf not in repr(session)


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"name": "ab"}, "name", "bad_name"),
        ({"name": "admin"}, "name", "reserved_name"),
        ({"password": "short"}, "password", "bad_password"),
        ({"password": "annaannaanna", "name": "annaannaanna"}, "password", "bad_password"),
        ({"email": "anna"}, "email", "invalid"),
        ({"email": "a" * 250 + "@example.org"}, "email", "invalid"),
        ({"display_name": "x" * 41}, "display_name", "invalid"),
    ],
)
async def test_rules(
    accounts: Accounts, database: Database, more: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await sign_up(accounts, **more)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert await database.fetch_all(sa.select(users.c.id)) == []


async def test_a_taken_name_is_refused_in_any_case(accounts: Accounts, channels: Channels) -> None:
    anna, _ = await sign_up(accounts)
    with pytest.raises(Conflict, match="The name anna is taken") as caught:
        await sign_up(accounts, "ANNA")
    assert (caught.value.code, caught.value.field) == ("name_taken", "name")
    await channels.create(anna.id, "annas_music")
    with pytest.raises(Conflict, match="annas_music is taken"):
        await sign_up(accounts, "annas_music")


async def test_an_email_that_another_account_has_changes_nothing(accounts: Accounts) -> None:
    await sign_up(accounts, email="anna@example.org")
    await sign_up(accounts, "bob", email="anna@example.org")


async def test_one_of_many_at_once_gets_the_name(accounts: Accounts, database: Database) -> None:
    tries = [sign_up(accounts, address=f"203.0.113.{n}") for n in range(8)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, tuple) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 7
    for table in (users, channel_table, sessions):
        assert (
            len(await database.fetch_all(sa.select(sa.literal(1).label("x")).select_from(table)))
            == 1
        )


async def test_sign_in_and_out(accounts: Accounts) -> None:
    user, first = await sign_up(accounts)
    again, second = await sign_in(accounts, " ANNA ")
    assert again == user
    assert first != second
    await accounts.sign_out(first)
    assert await accounts.session(first) is None
    kept = await accounts.session(second)
    assert kept is not None
    await accounts.sign_out("never seen")
    for token in ("", "x", "x" * 10_000):
        assert await accounts.session(token) is None


async def test_wrong_password_and_unknown_name_read_the_same(accounts: Accounts) -> None:
    await sign_up(accounts, email="anna@example.org")
    sentences = set()
    for login, password in (("anna", "wrong password"), ("nobody", PASSWORD), ("\ud800", PASSWORD)):
        with pytest.raises(Invalid) as caught:
            await sign_in(accounts, login, password=password)
        sentences.add((caught.value.code, caught.value.sentence))
    assert sentences == {("wrong_login", "Name or password is wrong.")}
    hints = set()
    for login in ("anna@example.org", "nobody@example.org"):
        with pytest.raises(Invalid, match="not with an e-mail") as caught:
            await sign_in(accounts, login)
        hints.add(caught.value.sentence)
    assert len(hints) == 1


async def wrong(accounts: Accounts, address: str) -> MetropoleError:
    with pytest.raises(MetropoleError) as caught:
        await sign_in(accounts, password="wrong password", address=address)
    return caught.value


async def test_sign_in_limit_of_one_name(accounts: Accounts, clock: Any) -> None:
    await sign_up(accounts)
    errors = [await wrong(accounts, "203.0.113.9") for _ in range(11)]
    assert [type(error) for error in errors] == [Invalid] * 10 + [TooMany]
    with pytest.raises(TooMany) as caught:  # the right password does not help there now
        await sign_in(accounts, address="203.0.113.9")
    assert caught.value.retry_after == pytest.approx(300, abs=1)
    await sign_in(accounts, address="203.0.113.10")  # but nobody can keep another one out
    clock.advance(301)
    await sign_in(accounts, address="203.0.113.9")


async def test_sign_in_limit_of_one_name_from_everywhere(accounts: Accounts) -> None:
    await sign_up(accounts)
    errors = [await wrong(accounts, f"203.0.113.{n // 9}") for n in range(101)]
    assert [type(error) for error in errors] == [Invalid] * 100 + [TooMany]
    with pytest.raises(TooMany):
        await sign_in(accounts, address="203.0.113.99")


async def test_signing_in_clears_the_counts_of_the_name(accounts: Accounts) -> None:
    await sign_up(accounts)
    for _ in range(3):  # ten each, as there are thirty for an address
        for _ in range(9):
            assert isinstance(await wrong(accounts, "203.0.113.9"), Invalid)
        await sign_in(accounts, address="203.0.113.9")
    for n in range(99):
        assert isinstance(await wrong(accounts, f"203.0.114.{n // 9}"), Invalid)


async def test_sign_in_limit_of_one_address(accounts: Accounts) -> None:
    for n in range(30):
        with pytest.raises(Invalid):
            await sign_in(accounts, f"name{n}", address=f"2001:db8::{n:x}")
    with pytest.raises(TooMany):
        await sign_in(accounts, "another", address="2001:db8::ffff")
    with pytest.raises(Invalid):
        await sign_in(accounts, "another", address="2001:db8:0:1::1")


async def test_sign_up_limit_of_one_address(accounts: Accounts, clock: Any) -> None:
    for n in range(5):
        await sign_up(accounts, f"user{n}")
        for _ in range(3):
            with pytest.raises(Conflict):  # looking for a free name is not limited
                await sign_up(accounts, f"user{n}")
    with pytest.raises(TooMany, match="60 minutes"):
        await sign_up(accounts, "user5")
    await sign_up(accounts, "user5", address="203.0.113.2")
    clock.advance(3601)
    await sign_up(accounts, "user6")


async def test_sessions_slide_and_end(accounts: Accounts, database: Database, clock: Any) -> None:
    _, token = await sign_up(accounts)
    first = await accounts.session(token)
    assert first is not None
    clock.advance(60)
    second = await accounts.session(token)
    assert second is not None
    assert second.expires_at == first.expires_at  # not written to on every page
    for _ in range(4):
        clock.advance(20 * DAY)
        session = await accounts.session(token)
        assert session is not None
        assert session.csrf == first.csrf
        assert session.expires_at.timestamp() == pytest.approx(clock.time() + 30 * DAY)
    clock.advance(30 * DAY + 1)
    assert await accounts.session(token) is None
    _, other = await sign_in(accounts)
    rows = await database.fetch_all(sa.select(sessions.c.id))
    assert len(rows) == 1  # the old one is deleted
    fresh = await accounts.session(other)
    assert fresh is not None
    assert fresh.csrf != first.csrf


async def test_only_the_newest_sessions_are_kept(
    accounts: Accounts, database: Database, clock: Any
) -> None:
    _, oldest = await sign_up(accounts)
    await sign_up(accounts, "bob")
    tokens = []
    for n in range(service.SESSIONS_PER_USER):
        clock.advance(400)
        tokens.append((await sign_in(accounts, address=f"203.0.113.{n}"))[1])
    assert await accounts.session(oldest) is None
    assert all([await accounts.session(token) for token in tokens])
    count = sa.select(sa.func.count()).select_from(sessions)
    assert await database.fetch_val(count) == service.SESSIONS_PER_USER + 1


async def test_costlier_hashes_replace_old_ones(
    accounts: Accounts, database: Database, hasher: PasswordHasher
) -> None:
    await sign_up(accounts)
    dearer = PasswordHasher(Argon2Parameters(memory_kib=16, passes=1))
    accounts._hasher = dearer
    await sign_in(accounts)
    stored = await database.fetch_val(sa.select(users.c.password_hash))
    assert not dearer.needs_rehash(stored)
    await sign_in(accounts)
    dearer.close()


async def test_accounts_by_the_operator(accounts: Accounts, channels: Channels) -> None:
    admin = await accounts.create(name="admin", password=PASSWORD, email=None, is_admin=True)
    assert admin.is_admin
    assert await channels.of_owner(admin.id) == []
    anna = await accounts.create(
        name="anna", password=PASSWORD, email="a@example.org", display_name="Anna K."
    )
    owned = await channels.of_owner(anna.id)
    assert [(channel.name, channel.display_name) for channel in owned] == [("anna", "Anna K.")]
    with pytest.raises(Conflict):
        await accounts.create(name="Admin", password=PASSWORD, email=None, is_admin=True)
    with pytest.raises(Invalid):
        await accounts.create(name="bob", password="short", email=None)
    user, _ = await sign_in(accounts, "admin")
    assert user == admin


async def test_user_agents_are_bounded(accounts: Accounts, database: Database) -> None:
    await sign_up(accounts, user_agent="x\n\0😀" * 500, address="a" * 500)
    row = await database.fetch_one(sa.select(sessions))
    assert row is not None
    assert len(row.user_agent) == 200
    assert "\n" not in row.user_agent
    assert len(row.address) == 45


def test_an_email_is_not_in_the_repr() -> None:
    from datetime import UTC, datetime

    user = User(1, "anna", "Anna", "anna@example.org", False, None, datetime.now(UTC))
    assert "example.org" not in repr(user)
