"""Passwords: rules, hashes, and the bound on how many are hashed at once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from metropole_core.accounts import passwords
from metropole_core.accounts.passwords import Argon2Parameters, PasswordHasher, check_password
from metropole_core.errors import Invalid, Unavailable


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("123456789", "at least 10"),
        ("x" * 201, "at most 200"),
        ("Anna_of_Kiel", "cannot be the name"),
        ("\ud800" * 10, "cannot be stored"),
    ],
)
def test_rules(password: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as caught:
        check_password(password, name="anna_of_kiel")
    assert caught.value.field == "password"


def test_no_rule_about_characters() -> None:
    for password in ("aaaaaaaaaa", "x" * 200, "пароль пароль", "😀" * 10, "          "):
        check_password(password, name="anna")


async def test_hash_and_verify(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await hasher.hash("correct horse") != stored
    assert await hasher.verify(stored, "correct horse")
    for wrong in ("correct horsf", "", "x" * 5000, "\ud800"):
        assert not await hasher.verify(stored, wrong)
    assert not await hasher.verify("not a hash", "correct horse")
    assert not await hasher.verify(None, "correct horse")


async def test_parameters_that_changed_are_noticed(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("correct horse")
    assert not hasher.needs_rehash(stored)
    other = PasswordHasher(Argon2Parameters(memory_kib=16, passes=1))
    assert other.needs_rehash(stored)
    assert await other.verify(stored, "correct horse")
    other.close()


async def test_a_name_that_does_not_exist_takes_as_long() -> None:
    hasher = PasswordHasher(Argon2Parameters(memory_kib=4096, passes=3))
    stored = await hasher.hash("correct horse")
    await hasher.verify(None, "warm up")

    async def least(of: str | None) -> float:
        times = []
        for _ in range(9):
            began = time.perf_counter()
            await hasher.verify(of, "wrong password")
            times.append(time.perf_counter() - began)
        return min(times)

    assert 0.5 < await least(None) / await least(stored) < 2
    hasher.close()


async def test_only_so_many_wait(hasher: PasswordHasher) -> None:
    release = threading.Event()
    for _ in range(2):
        hasher._pool.submit(release.wait, 20)
    waiting = [
        asyncio.create_task(hasher.hash("correct horse")) for _ in range(passwords.MAX_WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="Too many people"):
        await hasher.hash("correct horse")
    waiting[5].cancel()
    release.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(result, str) for result in done) == passwords.MAX_WAITING - 1
    await hasher.hash("correct horse")
