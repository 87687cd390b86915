"""What administrators decide about people: who is let in, who is blocked, who may stream."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from metropole_core.accounts.model import AccountState, User
from metropole_core.accounts.sessions import Sessions
from metropole_core.accounts.store import AccountStore, Locked
from metropole_core.channels.model import Channel
from metropole_core.channels.service import Channels
from metropole_core.db.connection import Database
from metropole_core.errors import Conflict, NotFound
from metropole_core.text import N_

log = logging.getLogger("metropole.people")

PER_PAGE = 50
MAX_PAGES = 2000
TEXT_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list; `seen_at`: when they were last here, None when nobody knows."""

    user: User
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of a list. `count`: how many there are in all."""

    people: list[Listed]
    count: int
    page: int
    pages: int


class People:
    """`by` is the administrator who decides, None the command line. Each decision is a line in
    the log. `changed` is awaited after what an account may do has changed."""

    def __init__(self, db: Database, *, channels: Channels, sessions: Sessions) -> None:
        self._db = db
        self._channels = channels
        self._sessions = sessions
        self._store = AccountStore(db)
        self.changed: list[Callable[[], Awaitable[None]]] = []

    async def page(
        self, *, text: str = "", state: AccountState | None = None, page: int = 1
    ) -> PeoplePage:
        """A page of the accounts whose name holds `text`: who waits first, then the newest."""
        text = text.strip()[:TEXT_LENGTH]
        count = await self._store.count(state=state, text=text)
        pages = max(1, min(MAX_PAGES, -(-count // PER_PAGE)))
        page = max(1, min(page, pages))
        users = await self._store.listed(
            state=state, text=text, limit=PER_PAGE, skip=(page - 1) * PER_PAGE
        )
        seen = await self._store.last_seen([user.id for user in users])
        return PeoplePage([Listed(user, seen.get(user.id)) for user in users], count, page, pages)

    async def waiting(self) -> int:
        """How many wait to be let in."""
        return await self._store.count(state=AccountState.PENDING)

    async def approve(self, user_id: int, *, by: User | None) -> User:
        """Let somebody in who waits: they get their channel.

        Raises:
            NotFound: there is no such account.
            Conflict: it does not wait.
        """

        async def work() -> tuple[User, Channel]:
            user = (await self._locked(user_id)).user
            if user.state is not AccountState.PENDING:
                raise Conflict(f"{user.name} does not wait for approval.", code="not_pending")
            await self._store.update(user_id, {"state": AccountState.ACTIVE})
            channel = await self._channels.add(user_id, user.name, user.display_name)
            return user, channel

        user, channel = await self._db.in_transaction(work)
        self._channels.announce(channel)
        return await self._done(user, "approved", by)

    async def refuse(self, user_id: int, *, by: User | None) -> User:
        """Refuse somebody who waits: the account is deleted and its name free again. Raises as
        `approve`."""

        async def work() -> tuple[User, list[str]]:
            user = (await self._locked(user_id)).user
            ended = await self._sessions.delete_of(user_id)
            if not await self._store.delete_pending(user_id):
                raise Conflict(f"{user.name} does not wait for approval.", code="not_pending")
            return user, ended

        user, ended = await self._db.in_transaction(work)
        self._sessions.tell(ended)
        log.info("%s refused %s", _name(by), user.name)
        return user

    async def block(self, user_id: int, *, by: User | None) -> User:
        """Sign somebody out everywhere, keep them out, and end their broadcasts.

        Raises:
            NotFound: there is no such account.
            Conflict: it is one's own, the site's last administrator, or waits for approval.
        """
        if by is not None and by.id == user_id:
            raise Conflict(N_("You cannot block yourself."), code="yourself")

        async def work() -> tuple[User, list[str]]:
            administrators = await self._store.lock_administrators()
            user = (await self._locked(user_id)).user
            if administrators == [user_id]:
                raise Conflict(
                    f"{user.name} is the only administrator of this site.",
                    code="last_administrator",
                )
            if user.state is AccountState.PENDING:
                raise Conflict(f"{user.name} waits for approval: refuse them.", code="pending")
            await self._store.update(user_id, {"state": AccountState.BLOCKED})
            return user, await self._sessions.delete_of(user_id)

        user, ended = await self._db.in_transaction(work)
        self._sessions.tell(ended)
        return await self._done(user, "blocked", by)

    async def unblock(self, user_id: int, *, by: User | None) -> User:
        """Let somebody in again who was blocked.

        Raises:
            NotFound: there is no such account.
            Conflict: it is not blocked.
        """

        async def work() -> User:
            user = (await self._locked(user_id)).user
            if user.state is not AccountState.BLOCKED:
                raise Conflict(f"{user.name} is not blocked.", code="not_blocked")
            await self._store.update(user_id, {"state": AccountState.ACTIVE})
            return user

        return await self._done(await self._db.in_transaction(work), "unblocked", by)

    async def set_streaming(
        self, user_id: int, may_stream: bool | None, *, by: User | None
    ) -> User:
        """Grant the right to stream, revoke it, or (None) leave it to the site's setting. A
        broadcast that runs without the right ends.

        Raises:
            NotFound: there is no such account.
        """

        async def work() -> User:
            user = (await self._locked(user_id)).user
            await self._store.update(user_id, {"may_stream": may_stream})
            return user

        said = {
            True: "granted the right to stream to",
            False: "revoked the right to stream of",
            None: "left to the site's setting whether they stream:",
        }[may_stream]
        return await self._done(await self._db.in_transaction(work), said, by)

    async def _locked(self, user_id: int) -> Locked:
        locked = await self._store.lock(user_id)
        if locked is None:
            raise NotFound(N_("There is no such account."))
        return locked

    async def _done(self, user: User, what: str, by: User | None) -> User:
        log.info("%s %s %s", _name(by), what, user.name)
        for tell in self.changed:
            await tell()
        return await self._store.by_id(user.id) or user


def _name(by: User | None) -> str:
    return f"administrator {by.name}" if by is not None else "the command line"
