"""The WebSocket `/ws`: who may open it, and what of the site goes out on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from quart import Quart, Response, websocket

from metropole_core.accounts.limits import counted
from metropole_core.chat import Message
from metropole_core.chat.limits import Caps
from metropole_core.chat.rooms import Change
from metropole_core.chat.service import RoomSettings, person_of
from metropole_core.contracts.channels import Person
from metropole_core.contracts.events import (
    ChannelChanged,
    EncoderNoticed,
    LiveStateChanged,
    ViewersChanged,
)
from metropole_core.errors import DatabaseAway
from metropole_core.pages import security
from metropole_core.realtime.connection import Connection, House, Who, chat_state, here
from metropole_core.realtime.health import health_message
from metropole_core.realtime.hub import Hub
from metropole_core.realtime.outlet import Outlet, QueueOutlet, TransportOutlet
from metropole_core.realtime.protocol import (
    Chat,
    Deleted,
    FromServer,
    Join,
    Leave,
    Msg,
    Notice,
    Status,
    Viewers,
)
from metropole_core.realtime.statuses import ON_AIR, Statuses
from metropole_core.realtime.watching import Watching
from metropole_core.streams.health import ChannelHealth
from metropole_core.tasks import TaskOwner

if TYPE_CHECKING:
    from metropole_core.site import Site

log = logging.getLogger("metropole.socket")

MAX_PER_ADDRESS = 50
"""Sockets of one address; this machine's own may have any number. Behind a proxy, name it in the
setting `trusted_proxies`: everybody has its address otherwise."""
GOODBYE_SECONDS = 0.8
"""How long clients may take to answer a good-bye when the site goes down."""

ASK_SECONDS = 1.0
"""How long the database may hold up that everyone hears of a change."""


def register(app: Quart, site: Site) -> None:
    """Add the socket to the app."""
    gate = Gate(site)
    app.add_websocket("/ws", "socket", gate.handle)


class Gate:
    """Lets sockets in, and tells them what happens."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._caps = Caps(site.config.max_connections, MAX_PER_ADDRESS)
        self._closed = False
        self.hub = Hub(site.clock.monotonic)
        self._tasks = TaskOwner("socket", log, limit=2 * site.config.max_connections)
        self._statuses = Statuses(site.status, site.channels)
        self._house = House(
            hub=self.hub,
            chat=site.chat,
            watching=Watching(site.viewers),
            statuses=self._statuses,
            channel=site.channels.by_name,
            clock=site.clock,
            tasks=self._tasks,
        )
        site.chat.listeners.append(self)
        site.events.subscribe(LiveStateChanged, self._on_status)
        site.events.subscribe(ChannelChanged, self._on_status)
        site.events.subscribe(ViewersChanged, self._on_viewers)
        site.events.subscribe(EncoderNoticed, self._on_notice)
        site.health.listeners.append(self._on_health)
        site.accounts.signed_out.append(self._on_signed_out)
        site.looks.asked.append(self._recheck)
        site.closing.append(self._close)

    async def handle(self) -> Response | None:
        """One socket, from its handshake to its end."""
        site, headers = self._site, websocket.headers
        # A page of another site could else speak in this person's name.
        if not security.same_origin(site, headers):
            return _refusal(403, "This address is for pages of this site.")
        address = security.address(site, websocket.remote_addr, headers)
        network = counted(address)
        if self._closed or not self._caps.enter(network):
            return _refusal(503, "Too many connections. Try again later.")
        try:
            who = await self._who(address, network)
            await websocket.accept()
            await self._serve(who)
        finally:
            self._caps.leave(network)
        return None

    async def _serve(self, who: Who) -> None:
        loop = asyncio.get_running_loop()
        queue: QueueOutlet | None = None
        try:
            async with asyncio.timeout(None) as limit:
                outlet: Outlet
                offered = _transport(websocket.scope)
                if offered is not None:
                    outlet = TransportOutlet(offered, websocket.close)
                else:
                    outlet = queue = QueueOutlet(
                        websocket.send,
                        websocket.close,
                        lambda: limit.reschedule(loop.time()),
                    )
                connection = Connection(self._house, who, outlet)
                self.hub.add(connection)
                try:
                    if self._closed:
                        connection.close(1001, "the server goes down")
                    while True:
                        connection.receive(await websocket.receive())
                finally:
                    connection.closed()
                    self.hub.remove(connection)
                    if queue is not None:
                        queue.stop()
        except TimeoutError:
            return  # we have cut it

    async def _who(self, address: str, network: str | None) -> Who:
        site, cookies = self._site, websocket.cookies
        token = security.session_token(site, cookies)
        session = await site.accounts.session(token) if token else None
        if session is None or token is None or not session.user.is_active:
            guest = security.guest_id(site, cookies) or security.new_guest_id()
            key = security.guest_key(site, guest)
            person = Person(key, None, guest_name(key))
            return Who(person, None, None, address, network, _no)
        return Who(
            person_of(session.user),
            session.user,
            site.accounts.sessions.token_hash(token),
            address,
            network,
            self._asking(token),
        )

    def _asking(self, token: str) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            session = await self._site.accounts.session(token)
            return session is not None and session.user.is_active

        return ask

    async def _close(self) -> None:
        self._closed = True
        await self.hub.close_all(GOODBYE_SECONDS)
        await self._tasks.stop()

    # What happens in the house.

    async def _on_status(self, event: LiveStateChanged | ChannelChanged) -> None:
        message: Status | None
        try:
            async with asyncio.timeout(ASK_SECONDS):
                message = await self._statuses.message(event.channel_id)
        except (DatabaseAway, TimeoutError):
            message = self._statuses.untitled(event.channel_id, event.name)
        except Exception as error:
            log.error("%s: its title is not known (%r)", event.name, error)
            # That a channel goes live or ends is told whether the database answers or not.
            message = self._statuses.untitled(event.channel_id, event.name)
        if message is not None:
            self.hub.everyone.send(message)

    async def _on_notice(self, event: EncoderNoticed) -> None:
        """The words are for the owner alone, and in the language of each page: it asks for them."""
        self._tell_owner(event.channel_id, Notice(event.name))

    def _on_health(self, channel_id: int, health: ChannelHealth) -> None:
        if self.hub.owners_in_room(channel_id):
            self._tell_owner(channel_id, health_message(health))

    def _tell_owner(self, channel_id: int, message: FromServer) -> None:
        for member in self.hub.owners_in_room(channel_id):
            if isinstance(member, Connection):
                member.send(message)

    async def _on_viewers(self, event: ViewersChanged) -> None:
        if self._site.status.state(event.channel_id).state not in ON_AIR:
            return  # nobody shows it, and anybody can change it, of any channel
        self.hub.everyone.send(Viewers(event.name, event.viewers))

    async def _recheck(self) -> None:
        """Close the sockets whose sessions were ended by another process."""
        members = [m for m in self.hub if isinstance(m, Connection) and m.who.session is not None]
        gone = await self._site.accounts.sessions.gone(list({str(m.who.session) for m in members}))
        for member in members:
            if member.who.session in gone:
                member.close(4001, "you were signed out")

    def _on_signed_out(self, session: str) -> None:
        for member in self.hub:
            if isinstance(member, Connection) and member.who.session == session:
                member.close(4001, "you were signed out")

    def said(self, channel_id: int, message: Message) -> None:
        """Implements `chat.service.Listener`, like the following."""
        fields: dict[str, Any] = {n: getattr(message, n) for n in Message.__struct_fields__}
        self.hub.tell_room(channel_id, Msg(**fields))

    def deleted(self, channel_id: int, ids: Sequence[str]) -> None:
        self.hub.tell_room(channel_id, Deleted(list(ids)))

    def came_and_went(self, channel_id: int, change: Change) -> None:
        if change.left:
            self.hub.tell_room(channel_id, Leave(list(change.left), change.count))
        if change.joined or not change.left:
            people = [here(each) for each in change.joined]
            self.hub.tell_room(channel_id, Join(people, change.count))

    def settings_changed(self, channel_id: int, settings: RoomSettings) -> None:
        state = chat_state(settings)
        self.hub.tell_room(channel_id, Chat(state.enabled, state.modes))


def guest_name(key: str) -> str:
    """ "Guest 1234": the same number for the same browser."""
    return f"Guest {int(key.removeprefix('g')[:8], 16) % 9000 + 1000}"


def _transport(scope: Any) -> asyncio.WriteTransport | None:
    """The transport that our server offers; None elsewhere, and over HTTP/2, where several
    streams share one."""
    if scope.get("http_version") != "1.1":
        return None
    offered = (scope.get("state") or {}).get("transport")
    return getattr(offered, "tr", None)


def _refusal(status: int, sentence: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = "10"
    return Response(sentence, status, headers, content_type="text/plain; charset=utf-8")


async def _no() -> bool:
    return False
