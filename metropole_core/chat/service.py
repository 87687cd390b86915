"""Chat rooms of the site: coming and going, speaking, what was said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from metropole_core.accounts.model import User
from metropole_core.bus import EventBus
from metropole_core.channels.model import Channel
from metropole_core.channels.service import Channels
from metropole_core.chat.colours import preferred
from metropole_core.chat.limits import SpeakLimits
from metropole_core.chat.messages import ID_LENGTH, Message, MessageIds
from metropole_core.chat.modes import ChatModes, ModeRegistry, ModeState
from metropole_core.chat.pipeline import Guard, Pipeline, Refused
from metropole_core.chat.recent import DELETED_KEPT, KEPT, Recent
from metropole_core.chat.rooms import GATHER_SECONDS, Change, Presence, Present
from metropole_core.chat.store import ChatStore, NewMessage, role_of
from metropole_core.chat.text import clean
from metropole_core.clock import utc_now
from metropole_core.community.follows import Follows
from metropole_core.contracts.channels import ChannelRef, Person
from metropole_core.contracts.chat_mode import Draft, Sender
from metropole_core.contracts.context import Clock
from metropole_core.contracts.events import ChannelChanged, ChatSettingsChanged
from metropole_core.db.connection import Database
from metropole_core.errors import Forbidden, NotFound, NotSignedIn, TooMany

log = logging.getLogger("metropole.chat")

CHAT_OFF = "The chat is switched off in this channel."
SIGN_IN = "Sign in to chat."


class Listener(Protocol):
    """Hears at once what happens in rooms. Must not block."""

    def said(self, channel_id: int, message: Message) -> None: ...

    def deleted(self, channel_id: int, ids: Sequence[str]) -> None: ...

    def came_and_went(self, channel_id: int, change: Change) -> None: ...

    def settings_changed(self, channel_id: int, settings: RoomSettings) -> None: ...


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """Whether the chat is on, and the modes that are: (name, sentence)."""

    enabled: bool
    modes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A message went out. `wait`: seconds until the person may speak again, None when a mode
    says nothing of it."""

    message: Message
    wait: float | None


@dataclass(frozen=True, slots=True)
class Entered:
    """The room as someone finds it who comes in.

    Fields:
        history: the last messages, oldest first; only those after the one named.
        deleted: messages that were deleted lately, for who comes back and still shows them.
        people: accounts that are here, bounded; `count` counts everyone.
    """

    you: Present
    settings: RoomSettings
    history: list[Message]
    deleted: list[str]
    people: list[Present]
    count: int


@dataclass(slots=True)
class _Room:
    channel: Channel
    settings: RoomSettings
    presence: Presence = field(default_factory=Presence)
    recent: Recent = field(default_factory=Recent)
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Turn:
    """The lock of one person in one channel, kept while anybody waits for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Chat:
    """Every chat room.

    `guards` are asked before all modes: the core's sanctions register there. `listeners` hear
    what happens.
    """

    def __init__(
        self,
        db: Database,
        channels: Channels,
        follows: Follows,
        registry: ModeRegistry,
        events: EventBus,
        clock: Clock,
    ) -> None:
        self._channels = channels
        self._follows = follows
        self._clock = clock
        self._store = ChatStore(db)
        self._modes = ChatModes(self._store, registry, events)
        self._pipeline = Pipeline(clock)
        self._limits = SpeakLimits(clock.monotonic)
        self._ids = MessageIds(clock.time)
        self._rooms: dict[int, _Room] = {}
        self._opening: dict[int, asyncio.Task[_Room]] = {}
        self._turns: dict[tuple[int, str], _Turn] = {}
        self._changes = 0
        self.guards: list[Guard] = []
        self.listeners: list[Listener] = []
        events.subscribe(ChannelChanged, self._on_channel_changed)
        events.subscribe(ChatSettingsChanged, self._on_settings_changed)

    async def stop(self) -> None:
        """Store what was said, and take nothing more."""
        await self._store.stop()
        for task in self._opening.values():
            task.cancel()
        for room in self._rooms.values():
            if room.timer is not None:
                room.timer.cancel()

    async def history(self, channel_id: int, limit: int = KEPT) -> list[Message]:
        """The last messages that were not deleted, oldest first; at most `KEPT`."""
        limit = max(0, min(limit, KEPT))
        room = self._rooms.get(channel_id)
        if room is not None and channel_id not in self._opening:
            messages = room.recent.after(None)
            return messages[len(messages) - min(limit, len(messages)) :]
        return await self._store.history(channel_id, limit)

    async def modes(self, channel_id: int) -> tuple[ModeState, ...]:
        """Every installed chat mode, in the order of asking, as it is set in that channel."""
        return await self._modes.states(channel_id)

    async def set_mode(
        self, channel_id: int, mode: str, *, enabled: bool, settings: BaseModel | Mapping[str, Any]
    ) -> None:
        """Switch a mode and set it. Raises as `ChatModes.set`."""
        await self._modes.set(channel_id, mode, enabled=enabled, settings=settings)

    async def settings(self, channel: Channel) -> RoomSettings:
        """Whether a channel's chat is on, and which modes."""
        states = await self._modes.states(channel.id)
        on = tuple((state.mode.name, state.sentence) for state in states if state.enabled)
        return RoomSettings(channel.chat_enabled, on)

    async def enter(self, channel_id: int, person: Person, *, after: str | None = None) -> Entered:
        """One more socket of that person is in the room.

        Arguments:
            after: the last message they have.

        Raises:
            NotFound: there is no such channel.
        """
        room = await self._open(channel_id)
        # No await from here on: what is said next reaches who is registered now.
        you = room.presence.enter(person)
        self._tell_later(channel_id, room)
        return Entered(
            you=you,
            settings=room.settings,
            history=room.recent.after(after),
            deleted=room.recent.deleted() if after is not None else [],
            people=room.presence.listed(),
            count=len(room.presence),
        )

    def leave(self, channel_id: int, key: str) -> None:
        """One socket of that person less."""
        room = self._rooms.get(channel_id)
        if room is not None:
            room.presence.leave(key)
            self._tell_later(channel_id, room)

    async def say(
        self, channel_id: int, user: User | None, text: str, *, address: str | None
    ) -> Said:
        """Say something.

        Arguments:
            address: what counts as the person's address, None when it is not known.

        Returns:
            what was said, once it is stored and everyone was told.

        Raises:
            NotSignedIn: guests read.
            TooMany: too fast; `retry_after` says when.
            Invalid: empty or too long.
            Forbidden: the chat is off, or a mode refuses (`code` is its name).
            Unavailable: it cannot be stored now.
            NotFound: the channel is gone.
        """
        if user is None:
            raise NotSignedIn(SIGN_IN)
        person = person_of(user)
        wait = self._limits.take(person.key, address)
        if wait:
            raise TooMany(
                "You are writing too fast. Wait a moment.", code="rate_limit", retry_after=wait
            )
        text = clean(text)
        async with self._turn(channel_id, person.key):
            return await self._say(await self._channel(channel_id), user, person, text)

    async def delete(self, channel_id: int, user: User | None, message_id: str) -> None:
        """Take a message back, for everyone: the channel's owner and administrators may.

        Raises:
            NotSignedIn, Forbidden: this person may not.
            NotFound: no such message is there.
        """
        if user is None:
            raise NotSignedIn("Sign in to delete messages.")
        channel = await self._channel(channel_id)
        if user.id != channel.owner_id and not user.is_admin:
            raise Forbidden("Only the channel's owner can delete messages.")
        known = len(message_id) == ID_LENGTH
        if not known or not await self._store.delete(channel_id, message_id, utc_now(self._clock)):
            raise NotFound("This message is not there any more.")
        room = self._rooms.get(channel_id)
        if room is not None:
            room.recent.delete(message_id)
        for listener in self.listeners:
            listener.deleted(channel_id, [message_id])

    async def _say(self, channel: Channel, user: User, person: Person, text: str) -> Said:
        if not channel.chat_enabled:
            raise Forbidden(CHAT_OFF, code="chat_off")
        modes = await self._modes.active(channel.id)
        followed_for = await self._followed_for(user, channel) if modes else None
        is_owner = user.id == channel.owner_id
        sender = Sender(person, is_owner, is_owner, followed_for)
        draft = Draft(ChannelRef(channel.id, channel.name, channel.owner_id), sender, text)
        verdict = await self._pipeline.check(draft, self.guards, modes)
        if isinstance(verdict, Refused):
            raise Forbidden(verdict.reason, code=verdict.code, retry_after=verdict.retry_after)
        room = self._rooms.get(channel.id)
        hue = room.presence.hue(person.key) if room is not None else None
        message = Message(
            id=self._ids.next(),
            name=person.name,
            key=person.key,
            hue=preferred(person.key) if hue is None else hue,
            role=role_of(user.id, channel.owner_id),
            text=verdict.text,
            at=utc_now(self._clock),
        )
        await self._store.put(NewMessage(channel.id, user.id, message))
        # Only now: what could not be stored is not charged by any mode.
        wait = await self._pipeline.accepted(Draft(draft.channel, sender, message.text), modes)
        room = self._rooms.get(channel.id)
        if room is not None:
            room.recent.add(message)
        for listener in self.listeners:
            listener.said(channel.id, message)
        return Said(message, wait)

    async def _followed_for(self, user: User, channel: Channel) -> float | None:
        since = await self._follows.since(user.id, channel.id)
        return None if since is None else (utc_now(self._clock) - since).total_seconds()

    async def _channel(self, channel_id: int) -> Channel:
        room = self._rooms.get(channel_id)
        return room.channel if room is not None else await self._channels.get(channel_id)

    async def _open(self, channel_id: int) -> _Room:
        """The room, made by the first who comes while the others wait."""
        while True:
            task = self._opening.get(channel_id)
            # One that is done stands there until the event loop's next turn: waiting for it again
            # would give the loop none.
            if task is None or task.done():
                room = self._rooms.get(channel_id)
                if room is not None:
                    return room
                task = asyncio.get_running_loop().create_task(self._load(channel_id))
                self._opening[channel_id] = task
                task.add_done_callback(lambda done: self._opened(channel_id, done))
            await asyncio.shield(task)

    def _opened(self, channel_id: int, task: asyncio.Task[_Room]) -> None:
        if self._opening.get(channel_id) is task:
            del self._opening[channel_id]

    async def _load(self, channel_id: int) -> _Room:
        while True:
            changes = self._changes
            channel = await self._channels.get(channel_id)
            room = _Room(channel, await self.settings(channel))
            if changes == self._changes:
                break
        # Known from now on, so that what is said during the queries is not missed.
        self._rooms[channel_id] = room
        try:
            messages = await self._store.history(channel_id, KEPT)
            room.recent.fill(messages, await self._store.deleted(channel_id, DELETED_KEPT))
        except BaseException:
            del self._rooms[channel_id]
            raise
        self._tell_later(channel_id, room)
        return room

    def _tell_later(self, channel_id: int, room: _Room) -> None:
        if room.timer is None:
            room.timer = asyncio.get_running_loop().call_later(
                GATHER_SECONDS, self._tell, channel_id, room
            )

    def _tell(self, channel_id: int, room: _Room) -> None:
        room.timer = None
        change = room.presence.take_change()
        if change is not None:
            for listener in self.listeners:
                listener.came_and_went(channel_id, change)
        if room.presence.is_empty and self._rooms.get(channel_id) is room:
            del self._rooms[channel_id]

    async def _on_channel_changed(self, event: ChannelChanged) -> None:
        await self._refresh(event.channel_id)

    async def _on_settings_changed(self, event: ChatSettingsChanged) -> None:
        self._modes.forget(event.channel_id)
        if (room := await self._refresh(event.channel_id)) is None:
            return
        for listener in self.listeners:
            listener.settings_changed(event.channel_id, room.settings)

    async def _refresh(self, channel_id: int) -> _Room | None:
        self._changes += 1
        room = self._rooms.get(channel_id)
        if room is None:
            return None
        channel = await self._channels.by_id(channel_id)
        if channel is not None:
            room.channel = channel
            room.settings = await self.settings(channel)
        return room

    def _turn(self, channel_id: int, key: str) -> _TakingTurns:
        return _TakingTurns(self._turns, (channel_id, key))


class _TakingTurns:
    """One message of a person at a time, so that two sent at once from two tabs cannot both
    pass a mode that allows one."""

    def __init__(self, turns: dict[tuple[int, str], _Turn], key: tuple[int, str]) -> None:
        self._turns = turns
        self._key = key

    async def __aenter__(self) -> None:
        turn = self._turns.setdefault(self._key, _Turn())
        turn.users += 1
        try:
            await turn.lock.acquire()
        except BaseException:
            self._release(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        turn = self._turns[self._key]
        turn.lock.release()
        self._release(turn)

    def _release(self, turn: _Turn) -> None:
        turn.users -= 1
        if not turn.users:
            del self._turns[self._key]


def person_of(user: User) -> Person:
    """An account as chat modes see it."""
    return Person(f"u{user.id}", user.id, user.display_name)
