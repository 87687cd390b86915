"""The state of one socket: who is there, which room, what waits to be done."""

from __future__ import annotations

import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from metropole_core.accounts.model import User
from metropole_core.channels.model import Channel
from metropole_core.chat.colours import preferred
from metropole_core.chat.limits import Bucket
from metropole_core.chat.rooms import Present
from metropole_core.chat.service import CHAT_OFF, SIGN_IN, Chat, Entered, RoomSettings
from metropole_core.chat.store import role_of
from metropole_core.contracts.channels import Person
from metropole_core.contracts.context import Clock
from metropole_core.errors import Invalid, MetropoleError, NotFound, TooLarge
from metropole_core.realtime.frames import encode
from metropole_core.realtime.hub import Hub
from metropole_core.realtime.outlet import Outlet
from metropole_core.realtime.protocol import (
    VERSION,
    Accepted,
    Beat,
    Bye,
    ChatState,
    CloseCode,
    Delete,
    Error,
    FromClient,
    FromServer,
    Hello,
    Here,
    ModeOn,
    Refused,
    Say,
    StatusOf,
    Welcome,
    You,
    parse,
)
from metropole_core.realtime.statuses import Statuses
from metropole_core.realtime.watching import Watching
from metropole_core.tasks import TaskOwner

log = logging.getLogger("metropole.socket")

MAX_WAITING = 16
"""Frames of one client that may wait to be done."""
FRAMES, FRAMES_PER = 30, 3.0
"""A client may send 30 frames in a burst, and 10 a second after that."""
MAX_BAD = 10
"""Frames that cannot be used, until the socket is closed."""
MAX_WATCHED = 4
"""Channels that one page can watch at a time."""
RECHECK_SECONDS = 60.0
"""How old the look at the session may be when somebody speaks."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Who:
    """Who opened the socket.

    Fields:
        user: the account, None for a guest.
        session: hash of the session's token, None for a guest.
        address: the real peer.
        network: what limits count by; None for this machine itself, as everybody comes from
            there when a proxy in front is not known as one.
        still_signed_in: asks the accounts again.
    """

    person: Person
    user: User | None
    session: str | None
    address: str
    network: str | None
    still_signed_in: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class House:
    """What sockets work with."""

    hub: Hub
    chat: Chat
    watching: Watching
    statuses: Statuses
    channel: Callable[[str], Awaitable[Channel | None]]
    """By name."""
    clock: Clock
    tasks: TaskOwner


class Connection:
    """One socket. `receive` takes its frames; they are done one after the other."""

    def __init__(self, house: House, who: Who, outlet: Outlet) -> None:
        self._house = house
        self.who = who
        self.outlet = outlet
        now = house.clock.monotonic()
        self.heard_at = now
        self.greeted = False
        self._number = next(_numbers)
        self._bucket = Bucket(FRAMES, FRAMES_PER, now)
        self._bad = 0
        self._waiting: deque[FromClient] = deque()
        self._working = False
        self._closing = False
        self._checked_at = now
        self._channel: Channel | None = None
        self._watched: OrderedDict[str, int] = OrderedDict()

    def receive(self, data: str | bytes) -> None:
        """A frame came. Never waits."""
        now = self._house.clock.monotonic()
        self.heard_at = now
        if self._closing:
            return
        if self._bucket.take(now):
            self.close(1008, "too many frames")
            return
        if not isinstance(data, str):
            self.close(1003, "frames are text")
            return
        try:
            message = parse(data)
            if not self.greeted and not isinstance(message, Hello | Bye):
                raise Invalid("Say hello first.", code="no_hello")
        except TooLarge as error:
            self.close(1009, error.sentence)
        except MetropoleError as error:
            self._bad_frame(error)
        else:
            self._do_later(message)

    def send(self, message: FromServer) -> None:
        """Send to this client alone."""
        if not self._closing and not self.outlet.offer(encode(message)):
            self._house.hub.drop_slow(self)

    def close(self, code: CloseCode, reason: str) -> None:
        """Say good-bye. Nothing is sent or done any more."""
        self.closed()
        self.outlet.close(code, reason)

    def closed(self) -> None:
        """The socket is closed, or about to be: leave everything. Does nothing the second time."""
        if self._closing:
            return
        self._closing = True
        self._waiting.clear()
        self._house.hub.mute(self)
        if self._channel is not None:
            self._house.hub.leave_room(self._channel.id, self)
            self._house.chat.leave(self._channel.id, self.who.person.key)
        for channel_id in self._watched.values():
            self._house.watching.stop(channel_id, self.who.person.key, self._number)

    def _bad_frame(self, error: MetropoleError) -> None:
        self._bad += 1
        if self._bad >= MAX_BAD:
            self.close(1008, "too many frames that could not be used")
            return
        self.send(Error(error.code, error.sentence))

    def _do_later(self, message: FromClient) -> None:
        if isinstance(message, Hello):
            if self.greeted:
                self._bad_frame(Invalid("You have said hello already.", code="greeted"))
                return
            self.greeted = True
        if len(self._waiting) >= MAX_WAITING:
            self.close(1008, "too many frames")
            return
        self._waiting.append(message)
        if not self._working:
            self._working = True
            self._house.tasks.spawn(self._work(), f"socket {self._number}")

    async def _work(self) -> None:
        try:
            while self._waiting:
                message = self._waiting.popleft()
                try:
                    await self._do(message)
                except MetropoleError as error:
                    self._failed(message, error)
                except Exception:
                    log.exception("a frame of %s failed", self.who.person.key)
                    self._failed(message, MetropoleError("Something went wrong here. Try again."))
        finally:
            self._working = False

    def _failed(self, message: FromClient, error: MetropoleError) -> None:
        if isinstance(message, Say | Delete):
            self.send(Refused(message.nonce, error.code, error.sentence, error.retry_after))
            return
        self.send(Error(error.code, error.sentence))
        if isinstance(message, Hello) and error.status >= 500:
            # It would hear of no room, and could not say hello again.
            self.close(1011, "something went wrong here")

    async def _do(self, message: FromClient) -> None:
        match message:
            case Hello():
                await self._hello(message)
            case Say():
                await self._say(message)
            case Delete():
                await self._delete(message)
            case Beat():
                await self._beat(message)
            case Bye():
                self.close(1000, "bye")

    async def _hello(self, hello: Hello) -> None:
        if hello.v != VERSION:
            raise Invalid("This page is out of date. Reload it.", code="version")
        if hello.channel is None:
            self.send(welcome(self.who, None, None, None))
            return
        channel = await self._house.channel(hello.channel)
        if channel is None:
            raise NotFound("There is no such channel.", code="no_channel")
        status = await self._house.statuses.of(channel.id)
        entered = await self._house.chat.enter(channel.id, self.who.person, after=hello.after)
        # No await from here on, so nothing is said between the history and the room.
        if self._closing:
            self._house.chat.leave(channel.id, self.who.person.key)
            return
        self._channel = channel
        owner = channel.owner_id == self.who.person.user_id
        self._house.hub.join_room(channel.id, self, owner=owner)
        if status is not None:
            status = self._house.statuses.latest(channel.id, status)
        self.send(welcome(self.who, channel, status, entered))

    async def _say(self, say: Say) -> None:
        channel = self._room()
        await self._check_session()
        said = await self._house.chat.say(
            channel.id, self.who.user, say.text, address=self.who.network
        )
        self.send(Accepted(say.nonce, said.message.id, said.wait))

    async def _delete(self, delete: Delete) -> None:
        channel = self._room()
        await self._check_session()
        await self._house.chat.delete(channel.id, self.who.user, delete.id)

    async def _beat(self, beat: Beat) -> None:
        if beat.channel is None:
            return
        channel_id = self._watched.get(beat.channel)
        if not beat.playing:
            if channel_id is not None:
                del self._watched[beat.channel]
                self._house.watching.stop(channel_id, self.who.person.key, self._number)
            return
        if channel_id is None:
            channel_id = await self._watch(beat.channel)
        if not self._closing:
            self._house.watching.beat(
                channel_id, self.who.person.key, self._number, self.who.address
            )

    async def _watch(self, name: str) -> int:
        channel = self._channel
        if channel is None or channel.name != name:
            channel = await self._house.channel(name)
        if channel is None:
            raise NotFound("There is no such channel.", code="no_channel")
        if self._closing:
            return channel.id
        self._watched[name] = channel.id
        if len(self._watched) > MAX_WATCHED:
            _, other = self._watched.popitem(last=False)
            self._house.watching.stop(other, self.who.person.key, self._number)
        return channel.id

    def _room(self) -> Channel:
        if self._channel is None:
            raise Invalid("This page is in no chat room.", code="no_room")
        return self._channel

    async def _check_session(self) -> None:
        now = self._house.clock.monotonic()
        if self.who.user is None or now - self._checked_at < RECHECK_SECONDS:
            return
        self._checked_at = now
        if not await self.who.still_signed_in():
            self.close(4001, "you were signed out")
            raise Invalid("You were signed out.", code="not_signed_in")


def welcome(
    who: Who, channel: Channel | None, status: StatusOf | None, entered: Entered | None
) -> Welcome:
    """The answer to `hello`, with the room where there is one."""
    you = entered.you if entered is not None else None
    why = None
    if who.user is None:
        why = SIGN_IN
    elif entered is not None and not entered.settings.enabled:
        why = CHAT_OFF
    return Welcome(
        v=VERSION,
        you=You(
            key=who.person.key,
            name=who.person.name,
            user_id=who.person.user_id,
            hue=you.hue if you is not None else preferred(who.person.key),
            role=role_of(who.person.user_id, channel.owner_id if channel is not None else 0),
        ),
        can_speak=why is None and entered is not None,
        why=why,
        chat=chat_state(entered.settings) if entered is not None else None,
        people=entered.count if entered is not None else 0,
        here=[here(each) for each in entered.people] if entered is not None else [],
        history=entered.history if entered is not None else [],
        deleted=entered.deleted if entered is not None else [],
        status=status,
    )


def chat_state(settings: RoomSettings) -> ChatState:
    """A room's settings as a message says them."""
    return ChatState(settings.enabled, [ModeOn(name, words) for name, words in settings.modes])


def here(present: Present) -> Here:
    """Someone in the room, as a message names them."""
    return Here(present.key, present.name, present.hue)
