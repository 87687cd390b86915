"""Channels: making, changing, and the stream keys that let an encoder in."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from metropole_core.channels.details import check_details, search_text
from metropole_core.channels.model import CHANNELS_PER_OWNER, Channel
from metropole_core.channels.names import DISPLAY_LENGTH, check_name, is_name, name_key
from metropole_core.channels.store import ChannelStore
from metropole_core.clock import utc_now
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import ChannelChanged, ChannelCreated, ChatSettingsChanged
from metropole_core.contracts.latency import Latency
from metropole_core.db.connection import Database
from metropole_core.db.faults import is_duplicate
from metropole_core.errors import Conflict, Forbidden, NotFound
from metropole_core.images import process_image
from metropole_core.keys import SiteKeys
from metropole_core.limits.storage import StorageRoom
from metropole_core.storage import Storage
from metropole_core.text import one_line, search_key

THUMBNAIL_BOX = (1280, 720)
AVATAR_BOX = (256, 256)
KEY_PREFIX = "mp_"
KEY_BYTES = 32
KEY_LENGTH = 100
"""Longer than any stream key: what is longer is refused without a look."""
MAX_LISTED = 500
"""Channels in one answer, whatever limit was asked."""
MAX_WORDS = 6
MAX_QUERY = 200


class Channels:
    """The site's channels. Publishes `ChannelCreated` and `ChannelChanged`."""

    def __init__(
        self,
        db: Database,
        keys: SiteKeys,
        storage: Storage,
        clock: Clock,
        events: Events,
        per_owner: int = CHANNELS_PER_OWNER,
        room: StorageRoom | None = None,
    ) -> None:
        self._db = db
        self._keys = keys
        self._storage = storage
        self._clock = clock
        self._events = events
        self._store = ChannelStore(db)
        self._per_owner = per_owner
        self._room = room
        self._storing = asyncio.Lock()
        self.key_rotated: list[Callable[[int], None]] = []
        """Called with the channel's id when its old stream key is no longer good."""

    async def create(self, owner_id: int, name: str, display_name: str | None = None) -> Channel:
        """Make a channel with a stream key.

        Raises:
            Invalid: the name breaks a rule.
            Conflict: it is taken.
            Forbidden: the owner has as many channels as one may have.
            NotFound: there is no such account.
        """
        channel = await self._db.in_transaction(lambda: self.add(owner_id, name, display_name))
        self.announce(channel)
        return channel

    async def add(self, owner_id: int, name: str, display_name: str | None = None) -> Channel:
        """`create` inside the caller's transaction, without telling anyone: call `announce` once
        the transaction is committed."""
        shown = one_line(
            display_name or name.strip(),
            limit=DISPLAY_LENGTH,
            field="display_name",
            what="The display name",
        )
        name = check_name(name)
        owner = await self._store.lock_owner(owner_id)
        if owner is None:
            raise NotFound("There is no such account.")
        if await self._store.count_of_owner(owner_id) >= self._per_owner:
            many = "1 channel" if self._per_owner == 1 else f"{self._per_owner} channels"
            raise Forbidden(
                f"An account can have at most {many} on this site.",
                code="too_many_channels",
            )
        if await self._store.by_key(name) or (owner != name and await self._store.is_account(name)):
            raise _taken(name)
        channel = Channel(
            id=0,
            name=name,
            display_name=shown or name,
            owner_id=owner_id,
            title="",
            description="",
            category="",
            tags=(),
            thumbnail=None,
            avatar=None,
            provider=None,
            chat_enabled=True,
            created_at=utc_now(self._clock),
        )
        values = dataclasses.asdict(channel)
        del values["id"]
        values |= {"name_key": name, "tags": [], "search_text": search_text(channel)}
        try:
            channel_id = await self._store.insert(values)
        except Exception as error:
            if is_duplicate(error):
                raise _taken(name) from None
            raise
        key_hash, encrypted, _ = self._new_key()
        await self._store.insert_key(channel_id, key_hash, encrypted, channel.created_at)
        return dataclasses.replace(channel, id=channel_id)

    def announce(self, channel: Channel) -> None:
        """Tell everyone of a channel that `add` made."""
        self._events.publish(ChannelCreated(channel_id=channel.id, name=channel.name))

    async def get(self, channel_id: int) -> Channel:
        """The channel of that id.

        Raises:
            NotFound: there is none.
        """
        channel = await self._store.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.")
        return channel

    async def by_id(self, channel_id: int) -> Channel | None:
        """The channel of that id, or None."""
        return await self._store.get(channel_id)

    async def by_name(self, name: str) -> Channel | None:
        """The channel of that name, in any case; None when there is none."""
        return await self._store.by_key(name_key(name)) if is_name(name) else None

    async def of_owner(self, user_id: int) -> list[Channel]:
        """An account's channels, the first one first."""
        return await self._store.of_owner(user_id)

    async def all_names(self) -> list[str]:
        """Every channel's name."""
        return await self._store.all_names()

    async def by_ids(self, ids: Sequence[int]) -> list[Channel]:
        """The channels of those ids, in the order of their ids; at most `MAX_LISTED`."""
        return await self._store.by_ids(ids[:MAX_LISTED]) if ids else []

    async def recent(self, limit: int) -> list[Channel]:
        """Channels that are or were on air, the last one first, then those that never were, the
        newest first."""
        return await self._store.recent(max(0, min(limit, MAX_LISTED)))

    async def search(self, text: str, limit: int) -> list[Channel]:
        """Channels whose names, title, category or tags hold every word of `text`, live ones
        first; none for an empty text."""
        key = search_key(text[:MAX_QUERY]).strip()
        words = key.split()[:MAX_WORDS]
        if not words:
            return []
        return await self._store.search(words, key, max(0, min(limit, MAX_LISTED)))

    async def update(
        self, channel_id: int, *, title: str, category: str, tags: Iterable[str], description: str
    ) -> Channel:
        """Change what a channel says about itself.

        Raises:
            Invalid: something is too long.
            NotFound: there is no such channel.
        """
        values = check_details(title=title, category=category, tags=tags, description=description)
        before = await self.get(channel_id)
        after = dataclasses.replace(before, **{**values, "tags": tuple(values["tags"])})
        await self._store.update(channel_id, {**values, "search_text": search_text(after)})
        return self._changed(after)

    async def set_thumbnail(self, channel_id: int, data: bytes) -> Channel:
        """Set the picture that stands for the channel while it is offline.

        Raises:
            Invalid, TooLarge: see `images.process_image`.
            OverLimit: the channel's files or the site's would take more than they may.
            NotFound: there is no such channel.
        """
        return await self._set_picture(channel_id, "thumbnail", data, THUMBNAIL_BOX)

    async def set_avatar(self, channel_id: int, data: bytes) -> Channel:
        """Set the small picture beside the channel's name. That of the channel which bears its
        owner's name becomes the owner's as well. Raises as `set_thumbnail`."""
        channel = await self._set_picture(channel_id, "avatar", data, AVATAR_BOX)
        await self._store.set_owner_avatar(channel)
        return channel

    async def set_chat_enabled(self, channel_id: int, enabled: bool) -> Channel:
        """Switch the chat on or off."""
        before = await self.get(channel_id)
        await self._store.update(channel_id, {"chat_enabled": enabled})
        self._events.publish(ChatSettingsChanged(channel_id=channel_id))
        return self._changed(dataclasses.replace(before, chat_enabled=enabled))

    async def set_latency(self, channel_id: int, latency: Latency | None) -> Channel:
        """How close to live the channel's next broadcast is played; None for the site's setting.

        Raises:
            NotFound: there is no such channel.
        """
        before = await self.get(channel_id)
        await self._store.update(channel_id, {"latency": latency and latency.value})
        return self._changed(dataclasses.replace(before, latency=latency))

    async def stream_key(self, channel_id: int) -> str:
        """The key for the encoder. Show it to the owner only.

        Raises:
            NotFound: there is no such channel.
        """
        encrypted = await self._store.encrypted_key(channel_id)
        if encrypted is None:
            raise NotFound("There is no such channel.")
        return self._keys.decrypt("stream-key", encrypted)

    async def rotate_key(self, channel_id: int) -> str:
        """Make a new key; the old one is refused from now on, and a publisher with it is cut.

        Raises:
            NotFound: there is no such channel.
        """
        key_hash, encrypted, key = self._new_key()
        now = utc_now(self._clock)
        if not await self._store.replace_key(channel_id, key_hash, encrypted, now):
            raise NotFound("There is no such channel.")
        for tell in self.key_rotated:
            tell(channel_id)
        return key

    async def find_by_key(self, key: str) -> Channel | None:
        """The channel that this key lets in, or None. Looks up a keyed hash, so the time it
        takes says nothing about keys."""
        if len(key) > KEY_LENGTH:
            return None
        return await self._store.by_stream_key(self._keys.hash("stream-key", key))

    async def refuse_until(self, channel_id: int, when: datetime | None) -> None:
        """Refuse the key until then (None: no longer)."""
        await self._store.update(channel_id, {"refused_until": when})

    async def refused_until(self, channel_id: int) -> datetime | None:
        """Until when the key is refused; None when it is not."""
        when = await self._store.refused_until(channel_id)
        return when if when is not None and when > utc_now(self._clock) else None

    async def set_preview(self, channel_id: int, key: str, when: datetime) -> None:
        """Note the newest picture out of the channel's stream. Nobody is told: it comes often,
        and pages ask for it themselves."""
        await self._store.update(channel_id, {"preview": key, "preview_at": when})

    async def _set_picture(
        self, channel_id: int, kind: str, data: bytes, box: tuple[int, int]
    ) -> Channel:
        before = await self.get(channel_id)
        picture = await process_image(data, box=box, kind=kind)
        # One at a time, so that two cannot take the same room.
        async with self._storing:
            await self._check_room(before, kind, len(picture))
            key = await asyncio.to_thread(
                self._storage.put, f"{kind}-{channel_id}", picture, "image/webp"
            )
        # In one transaction, so that of two at a time each throws away another one.
        old = await self._db.in_transaction(
            lambda: self._store.replace_picture(channel_id, kind, key)
        )
        if old is not None and old != key:
            self._storage.delete(old)
        changes: dict[str, Any] = {kind: key}
        return self._changed(dataclasses.replace(before, **changes))

    async def _check_room(self, channel: Channel, kind: str, octets: int) -> None:
        if self._room is None:
            return
        pictures = {"thumbnail": channel.thumbnail, "avatar": channel.avatar}
        replaced = pictures.pop(kind)
        kept = [key for key in pictures.values() if key is not None]
        await self._room.check(channel.id, octets, kept=kept, replaced=replaced)

    def _changed(self, channel: Channel) -> Channel:
        self._events.publish(ChannelChanged(channel_id=channel.id, name=channel.name))
        return channel

    def _new_key(self) -> tuple[str, str, str]:
        key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        return self._keys.hash("stream-key", key), self._keys.encrypt("stream-key", key), key


def _taken(name: str) -> Conflict:
    return Conflict(f"The name {name} is taken. Choose another.", code="name_taken", field="name")
