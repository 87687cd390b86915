"""What templates show: one query object a page, rows as structs (half the cost of dictionaries)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from metropole_core.channels import Channel
from metropole_core.contracts.events import LiveState

if TYPE_CHECKING:
    from metropole_core.accounts.model import User
    from metropole_core.site import Site

MAX_CARDS = 72
MAX_RAIL = 12
MAX_FOUND = 40
ON_AIR = (LiveState.LIVE, LiveState.INTERRUPTED)


class Card(msgspec.Struct, frozen=True):
    """A channel as cards, lists and its own page's head show it.

    Fields:
        cover, avatar: URLs; without an avatar, one is drawn from the name. Live, the cover is the
            newest picture out of the stream; off air what the creator chose comes first.
        thumbnail: URL of what stands for the channel off air, as its creator chose, or drawn.
        preview: URL of the newest picture out of the stream, without the time; None without one.
        started_at: of the running broadcast, None off air.
    """

    id: int
    owner_id: int
    name: str
    display_name: str
    title: str
    category: str
    description: str
    tags: tuple[str, ...]
    cover: str
    avatar: str | None
    state: str
    viewers: int
    started_at: datetime | None
    thumbnail: str = ""
    preview: str | None = None

    @property
    def is_live(self) -> bool:
        """Live, or inside the reconnect window: its viewers keep their page."""
        return self.state in ON_AIR


class Rail(msgspec.Struct, frozen=True):
    """The left sidebar."""

    following: list[Card]
    recommended: list[Card]


class Home(msgspec.Struct, frozen=True):
    """The home page: the first live channel large, then the others, then who is off air."""

    featured: Card | None
    live: list[Card]
    offline: list[Card]


class Views:
    """Reads what pages show."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def card(self, channel: Channel) -> Card:
        """A channel with its live status as it is now; the database may lag a little behind."""
        live = self._site.status.state(channel.id)
        on_air = live.state in ON_AIR
        chosen, drawn = self.file(channel.thumbnail), f"/art/{channel.name}.svg"
        preview = taken = None
        if channel.preview_at is not None:
            preview = self._site.previews.path(channel.id)
            taken = f"{preview}?v={channel.preview_at.timestamp():.0f}"
        return Card(
            id=channel.id,
            owner_id=channel.owner_id,
            name=channel.name,
            display_name=channel.display_name,
            title=channel.title,
            category=channel.category,
            description=channel.description,
            tags=channel.tags,
            cover=((taken or chosen) if on_air else (chosen or taken)) or drawn,
            avatar=self.file(channel.avatar),
            state=live.state.value,
            viewers=live.viewers if on_air else 0,
            started_at=live.started_at if on_air else None,
            thumbnail=chosen or drawn,
            preview=preview if on_air else None,
        )

    def file(self, key: str | None) -> str | None:
        """URL of a stored picture."""
        return self._site.storage.url(key) if key else None

    async def everyone(self) -> list[Card]:
        """The site's channels, at most `MAX_CARDS`: live first, then who was on air last."""
        live = [each.channel_id for each in self._site.status.all_live() if each.state in ON_AIR]
        channels = await self._site.channels.by_ids(live[:MAX_CARDS])
        known = {channel.id for channel in channels}
        recent = await self._site.channels.recent(MAX_CARDS)
        channels += [channel for channel in recent if channel.id not in known]
        return by_viewers(self.card(channel) for channel in channels[:MAX_CARDS])

    def home(self, cards: list[Card]) -> Home:
        """The home page of these channels."""
        live = [card for card in cards if card.is_live]
        return Home(
            featured=live[0] if live else None,
            live=live,
            offline=[card for card in cards if not card.is_live],
        )

    async def rail(self, user: User | None, cards: list[Card]) -> Rail:
        """Whom a person follows, live first, and who else of `cards` is on air, oneself apart."""
        following = await self.following(user) if user is not None else []
        known = {card.id for card in following}
        own = user.id if user is not None else None
        others = [
            card for card in cards if card.is_live and card.id not in known and card.owner_id != own
        ]
        return Rail(following=following[:MAX_RAIL], recommended=others[:MAX_RAIL])

    async def following(self, user: User) -> list[Card]:
        """Whom a person follows: live ones by viewers, then the others, the latest first."""
        channels = await self._site.follows.of_user(user.id)
        return by_viewers(self.card(channel) for channel in channels)

    async def search(self, query: str) -> list[Card]:
        """Channels that a query finds, live first."""
        channels = await self._site.channels.search(query, MAX_FOUND)
        return by_viewers(self.card(channel) for channel in channels)


def by_viewers(cards: Iterable[Card]) -> list[Card]:
    """Live first, then by viewers; otherwise in the order given."""
    return sorted(cards, key=lambda card: (not card.is_live, -card.viewers))
