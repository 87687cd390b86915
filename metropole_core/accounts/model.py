"""What an account and a session are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AccountState(StrEnum):
    """Whether an account counts.

    A pending one waits until an administrator lets it in: it can sign in and sees that it waits,
    and is a guest everywhere. A blocked one cannot sign in.
    """

    ACTIVE = "active"
    PENDING = "pending"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class User:
    """An account.

    Fields:
        email: never shown to others.
        avatar: a key in the storage, or None.
        may_stream: what was decided about this account; None: as the site's setting says.
    """

    id: int
    name: str
    display_name: str
    email: str | None = field(repr=False)
    is_admin: bool
    avatar: str | None
    created_at: datetime
    state: AccountState = AccountState.ACTIVE
    may_stream: bool | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is more than a guest."""
        return self.state is AccountState.ACTIVE


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in.

    Fields:
        user: whose it is.
        csrf: what forms must send back; bound to this session.
        expires_at: in UTC, later with each use.
    """

    user: User
    csrf: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """What lets somebody in. Its code is known to who was given it, and to nobody here.

    Fields:
        note: for administrators, such as whom it is for.
        created_by: name of the administrator, None when the account is gone or the command line
            made it.
        expires_at: in UTC, None for never.
        max_uses, uses: how many people it lets in, and has.
        may_stream: what accounts made with it may; None: as the site's setting says.
    """

    id: int
    note: str
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    max_uses: int
    uses: int
    may_stream: bool | None

    def is_good(self, now: datetime) -> bool:
        """Whether it lets somebody in now."""
        return self.uses < self.max_uses and (self.expires_at is None or self.expires_at > now)
