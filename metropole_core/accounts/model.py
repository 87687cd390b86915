"""What an account and a session are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """An account. `avatar` is a key in the storage, or None; `email` is never shown to others."""

    id: int
    name: str
    display_name: str
    email: str | None = field(repr=False)
    is_admin: bool
    avatar: str | None
    created_at: datetime


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
