"""The first administrator of a site, on both databases."""

from __future__ import annotations

import asyncio
import logging

import pytest

from metropole_core.accounts import Accounts
from metropole_core.accounts.first_run import FirstRun
from metropole_core.backplane import MemoryShared
from metropole_core.errors import Forbidden, Invalid, MetropoleError, NotFound, TooMany
from tests.core.accounts.joining import PASSWORD

HOME = "203.0.113.5"


async def make(first_run: FirstRun, token: str, name: str = "maria", password: str = PASSWORD):  # type: ignore[no-untyped-def]
    return await first_run.make_administrator(
        token=token, name=name, password=password, address=HOME, user_agent=""
    )


@pytest.fixture
async def first_run(accounts: Accounts, shared: MemoryShared) -> FirstRun:
    made = FirstRun(accounts, shared)
    await made.begin()
    return made


async def test_the_token_makes_one_administrator(
    accounts: Accounts, first_run: FirstRun, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = first_run.token
    assert token is not None
    assert await first_run.is_open()
    with pytest.raises(Invalid):
        await make(first_run, token, password="short")
    results = await asyncio.gather(
        *(make(first_run, token, f"maria{n}") for n in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, tuple) for result in results) == 1
    assert sum(isinstance(result, NotFound) for result in results) == 2
    user, session = next(result for result in results if isinstance(result, tuple))
    assert user.is_admin
    assert await accounts.session(session) is not None
    assert first_run.token is None
    assert not await first_run.is_open()
    assert token not in caplog.text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 10_000, "\ud800"])
async def test_without_the_token_words_say_where_it_is(first_run: FirstRun, token: str) -> None:
    with pytest.raises(Forbidden, match="metropole serve"):
        await first_run.check(token, HOME)
    with pytest.raises(Forbidden):
        await make(first_run, token)


async def test_wrong_tokens_are_counted(first_run: FirstRun) -> None:
    errors: list[MetropoleError] = []
    for _ in range(12):
        with pytest.raises(MetropoleError) as caught:
            await first_run.check("wrong", HOME)
        errors.append(caught.value)
    assert isinstance(errors[-1], TooMany)
    await first_run.check(first_run.token or "", HOME)  # nobody is kept out who knows it


async def test_each_start_has_another_token(
    accounts: Accounts, shared: MemoryShared, first_run: FirstRun
) -> None:
    second = FirstRun(accounts, shared)
    await second.begin()
    assert second.token != first_run.token
    with pytest.raises(Forbidden):
        await second.check(first_run.token or "", HOME)


async def test_a_site_with_an_administrator_has_none(
    accounts: Accounts, shared: MemoryShared, first_run: FirstRun
) -> None:
    await accounts.create(name="other", password=PASSWORD, email=None)
    assert await first_run.is_open(), "that was none"
    token = first_run.token or ""
    await accounts.create(name="boss", password=PASSWORD, email=None, is_admin=True)
    with pytest.raises(NotFound):
        await first_run.check(token, HOME)
    later = FirstRun(accounts, shared)
    await later.begin()
    assert later.token is None
