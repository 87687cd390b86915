"""Everybody who may stand before the site's door, each with a browser of their own."""

from __future__ import annotations

import datetime
import itertools
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metropole_core.accounts import User
from metropole_core.channels import Channel
from metropole_core.pages import security
from tests.support.house import PASSWORD, Browser, House

GUESTS = ("guest", "signed_out", "expired", "blocked", "pending")
"""Whom the site does not know: never signed in, signed out, signed in too long ago, blocked since,
or waiting until an administrator lets them in."""
OVER = ("signed_out", "expired", "blocked")
"""Whose session has ended for good."""
MEMBERS = ("stranger", "follower", "rival", "owner", "admin")
"""Who is signed in: without a channel, following the channel `owner`, owner of another channel,
its owner, administrator of the site."""
ROLES = GUESTS + MEMBERS

NAMES = {"stranger": "community", "admin": "admin"}
"""Accounts with names that the site keeps for itself get no channel."""
LONG_AGO = datetime.timedelta(days=31)

_addresses = itertools.count(1)


@dataclass
class Someone:
    """A browser in a role. Each request comes from an address of its own, since what is asked
    here is who may do a thing, and not how often."""

    house: House
    role: str
    token: str | None
    guest: str = field(default_factory=security.new_guest_id)

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser sends."""
        session = {"metropole_session": self.token} if self.token else {}
        return {"metropole_guest": self.guest, **session}

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def csrf(self) -> str:
        """The form token that its pages hold."""
        return await Browser(self._client()).token()

    async def ask(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        *,
        csrf: str | None = None,
        files: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        address: str | None = None,
    ) -> Any:
        """Send a request: the answer as the framework's test client gives it. A method that
        changes something carries the form token, also where `csrf` is not given."""
        client = self._client()
        sent = dict(headers or {})
        options: dict[str, Any] = {}
        if method not in ("GET", "HEAD", "OPTIONS"):
            token = await self.csrf() if csrf is None else csrf
            if json is None:
                options = {"form": {**(form or {}), "csrf": token}, "files": files}
            else:
                options = {"json": json}
                sent["X-CSRF-Token"] = token
        n = next(_addresses)
        peer = address or f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}"
        return await client.open(
            path, method=method, headers=sent, scope_base={"client": (peer, 40_000)}, **options
        )

    def _client(self) -> Any:
        client = self.house.app.test_client()
        for name, value in self.cookies.items():
            client.set_cookie("localhost", name, value)
        return client


class Cast:
    """The people of one site, and what the site holds."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.channel: Channel = house.channel
        self.users: dict[str, User] = {"owner": house.owner}
        self._tokens: dict[str, str] = {}
        self._database = sqlite3.connect(folder / "metropole.sqlite3", isolation_level=None)

    async def gather(self) -> None:
        """Make the accounts."""
        accounts = self.house.site.accounts
        for role in ("stranger", "follower", "rival", "admin", "blocked", "pending"):
            self.users[role] = await accounts.create(
                name=NAMES.get(role, role),
                password=PASSWORD,
                email=f"{role}@people.example",
                is_admin=role == "admin",
            )
        await self.house.site.follows.follow(self.users["follower"].id, self.channel.id)

    async def come(self, role: str) -> Someone:
        """Someone in that role, signed in anew where a session of before has ended."""
        if role == "guest":
            return Someone(self.house, role, None)
        accounts = self.house.site.accounts
        user = self.users.get(role, self.users["follower"])
        token = self._tokens.get(role)
        signed_in = token is not None and await accounts.session(token) is not None
        if token is None or not (signed_in or role in OVER):
            _, token = await accounts.sign_in(
                login=user.name, password=PASSWORD, address=f"192.0.2.{len(role)}", user_agent=""
            )
            self._tokens[role] = token
            if role in ("blocked", "pending"):
                self._database.execute(
                    "UPDATE users SET state = ? WHERE id = ?", (role, self.users[role].id)
                )
            elif role == "signed_out":
                await accounts.sign_out(token)
            elif role == "expired":
                self._database.execute(
                    "UPDATE sessions SET expires_at = ? WHERE token_hash = ?",
                    (
                        str(datetime.datetime.now() - LONG_AGO),  # noqa: DTZ005
                        self.house.site.keys.hash("session", token),
                    ),
                )
        return Someone(self.house, role, token)

    def holds(self) -> dict[str, Any]:
        """What the site holds now: every row of every table, every stored picture, and who is
        on air. Two looks that are equal mean that nothing was done between them."""
        found: dict[str, Any] = {}
        tables = self._database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        for (table,) in tables.fetchall():
            rows = self._database.execute(f'SELECT * FROM "{table}"').fetchall()
            found[table] = sorted(map(repr, rows))
        found["files"] = sorted(
            str(path) for path in (self.folder / "files").rglob("*") if path.is_file()
        )
        found["on air"] = self.house.site.status.state(self.channel.id).state
        return found

    def close(self) -> None:
        self._database.close()


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Which parts of what the site holds are not as they were."""
    return {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}
