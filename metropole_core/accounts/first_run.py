"""The first administrator of a site that has none: made by who can read the server's output."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets

from metropole_core.accounts.limits import RateLimit, address_key
from metropole_core.accounts.model import User
from metropole_core.accounts.service import Accounts
from metropole_core.contracts.backplane import Shared
from metropole_core.errors import Forbidden, NotFound
from metropole_core.text import N_

log = logging.getLogger("metropole.people")

TOKEN_BYTES = 24
TRIES = (10, 300.0)
"""Wrong tokens of one address, and the seconds in which they may be sent."""

NOT_GOOD = N_(
    "Open the address that the site printed where it was started (metropole serve): it holds a "
    "one-time token. After a restart it is another one."
)


class FirstRun:
    """Holds the one-time token, in memory only. It is void once there is an administrator."""

    def __init__(self, accounts: Accounts, shared: Shared) -> None:
        self._accounts = accounts
        self._limit = RateLimit(shared)
        self._token: str | None = None
        self._one_at_a_time = asyncio.Lock()

    async def begin(self) -> None:
        """At start: make a token if the site has no administrator."""
        if not await self._accounts.has_administrator():
            self._token = secrets.token_urlsafe(TOKEN_BYTES)

    @property
    def token(self) -> str | None:
        """For the operator's eyes only; None when there is nothing to set up."""
        return self._token

    async def is_open(self) -> bool:
        """Whether the site still waits for its first administrator."""
        if self._token is None:
            return False
        if await self._accounts.has_administrator():
            self._token = None  # the command line made one
            return False
        return True

    async def check(self, token: str, address: str) -> None:
        """Let pass who knows the token.

        Raises:
            NotFound: there is an administrator already.
            Forbidden: the token is wrong or missing; says where to find it.
            TooMany: more than 10 wrong ones in 5 minutes from one address.
        """
        if not await self.is_open() or self._token is None:
            raise NotFound(N_("This site is set up already."))
        if not token:
            raise Forbidden(NOT_GOOD, code="no_token")
        sent, right = token.encode(errors="surrogatepass"), self._token.encode()
        if not hmac.compare_digest(sent, right):
            await self._limit.hit(f"setup/{address_key(address)}", *TRIES)
            raise Forbidden(NOT_GOOD, code="bad_token")

    async def make_administrator(
        self, *, token: str, name: str, password: str, address: str, user_agent: str
    ) -> tuple[User, str]:
        """Make the account, sign it in, and void the token.

        Raises:
            NotFound, Forbidden, TooMany: as `check`.
            Invalid, Conflict: as `Accounts.create`; the token stays good.
        """
        async with self._one_at_a_time:
            await self.check(token, address)
            user = await self._accounts.create(
                name=name, password=password, email=None, is_admin=True
            )
            self._token = None
        log.info("%s is the first administrator", user.name)
        return user, await self._accounts.sessions.open(user, address, user_agent)
