"""Passwords: the rules, and argon2id in a bounded pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from metropole_core.errors import Invalid, Unavailable

T = TypeVar("T")
MIN_LENGTH = 10
MAX_LENGTH = 200
MAX_WAITING = 64
"""Hashes in work or waiting; a flood of sign-ins ends here and not in memory."""


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """Cost of one hash (argon2id, RFC 9106); the defaults are OWASP's first choice of 2023."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


def check_password(password: str, *, name: str) -> None:
    """Long is good; no rule about which characters it must have.

    Raises:
        Invalid: too short, too long, or the account's name.
    """
    if len(password) < MIN_LENGTH:
        raise Invalid(
            f"A password needs at least {MIN_LENGTH} characters. Four random words are easy to"
            " remember.",
            code="bad_password",
            field="password",
        )
    if len(password) > MAX_LENGTH:
        raise Invalid(
            f"A password can have at most {MAX_LENGTH} characters.",
            code="bad_password",
            field="password",
        )
    if password.strip().casefold() == name.strip().casefold():
        raise Invalid("The password cannot be the name.", code="bad_password", field="password")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise Invalid(
            "The password holds characters that cannot be stored.",
            code="bad_password",
            field="password",
        ) from None


class PasswordHasher:
    """Hashes and verifies off the event loop, `workers` at a time."""

    def __init__(self, parameters: Argon2Parameters | None = None, *, workers: int = 2) -> None:
        cost = parameters or Argon2Parameters()
        self._argon2 = argon2.PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash with its parameters, as argon2 writes it.

        Raises:
            Unavailable: too many are waiting.
        """
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password of `stored`. None (no such account) takes as long as a
        wrong password.

        Raises:
            Unavailable: too many are waiting.
        """
        if len(password) > MAX_LENGTH:
            password = ""
        if stored is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody's password")
            await self._run(lambda: self._verify(self._nobody or "", password))
            return False
        return await self._run(lambda: self._verify(stored, password))

    def needs_rehash(self, stored: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads when they have done what they do."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password.encode(errors="surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Unavailable(
                "Too many people sign in at once. Try again in a moment.", retry_after=5
            )
        self._waiting += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        except BaseException:
            self._waiting -= 1
            raise
        # Counted until the thread is done, also when the one who asked has gone.
        future.add_done_callback(self._one_less)
        return await future

    def _one_less(self, _: object) -> None:
        self._waiting -= 1
