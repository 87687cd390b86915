"""Cards of channels for home, sidebar and search: each list is one query."""

from __future__ import annotations

from datetime import datetime

import msgspec

from metropole_core.channels.names import name_key
from metropole_core.channels.store import ON_AIR, ChannelStore
from metropole_core.contracts.events import LiveState
from metropole_core.db.connection import Database
from metropole_core.db.rows import Row
from metropole_core.text import search_key

MAX_CARDS = 100
MAX_WORDS = 6
MAX_QUERY = 200


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a card shows of a channel.

    Fields:
        avatar: the channel's picture, else its owner's: key in the storage, or None.
        thumbnail: key in the storage, or None.
        started_at: when the running broadcast started, in UTC; None while offline.
    """

    id: int
    name: str
    display_name: str
    owner_id: int
    avatar: str | None
    title: str
    category: str
    tags: tuple[str, ...]
    thumbnail: str | None
    state: LiveState
    started_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether its page shows a player: on air, or away inside the reconnect window."""
        return self.state in ON_AIR


class Listing:
    """Lists of cards. Live channels come first in each."""

    def __init__(self, db: Database) -> None:
        self._store = ChannelStore(db)

    async def home_cards(self, limit: int = 60) -> list[Card]:
        """Every channel, the newest first after those on air."""
        return _cards(await self._store.cards(limit=_bounded(limit)))

    async def search(self, text: str, limit: int = 40) -> list[Card]:
        """Channels whose names, title, category or tags hold every word of `text`; none for an
        empty text."""
        words = search_key(text[:MAX_QUERY]).split()[:MAX_WORDS]
        if not words:
            return []
        rows = await self._store.cards(
            limit=_bounded(limit), words=words, first=name_key(text[:MAX_QUERY])
        )
        return _cards(rows)

    async def followed(self, user_id: int, limit: int = MAX_CARDS) -> list[Card]:
        """Channels that this account follows."""
        return _cards(await self._store.cards(limit=_bounded(limit), follower=user_id))


def _bounded(limit: int) -> int:
    return max(0, min(limit, MAX_CARDS))


def _cards(rows: list[Row]) -> list[Card]:
    return [
        Card(
            id=row.id,
            name=row.name,
            display_name=row.display_name,
            owner_id=row.owner_id,
            avatar=row.avatar,
            title=row.title,
            category=row.category,
            tags=tuple(row.tags),
            thumbnail=row.thumbnail,
            state=LiveState(row.state or LiveState.OFFLINE),
            started_at=row.started_at if row.state in ON_AIR else None,
        )
        for row in rows
    ]
