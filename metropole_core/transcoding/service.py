"""The core's door for providers: follows streams, and has renditions made of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import EncoderNoticed
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.tasks import TaskOwner
from metropole_core.transcoding.backends import Backends
from metropole_core.transcoding.follower import Follower, House
from metropole_core.transcoding.planner import Planner
from metropole_core.transcoding.qualities import Quality, qualities
from metropole_media.live import LiveStream

if TYPE_CHECKING:
    from metropole_core.limits import Notices, Sentence
    from metropole_core.registry import Registry

log = logging.getLogger("metropole.transcoding")

LOOK_SECONDS = 1.0


class TranscodingService:
    """`contracts.transcoding.Transcoding`.

    Arguments:
        notices: where creators read of it.

    Fields:
        backends, planner: who can encode, and what.
    """

    def __init__(
        self,
        registry: Registry,
        config: TranscodingConfig,
        notices: Notices,
        events: Events,
        clock: Clock,
    ) -> None:
        self.config = config
        self.backends = Backends(registry, config.transcoder, config.reserve)
        self.planner = Planner(registry, self.backends, config)
        self._notices = notices
        self._events = events
        self._followers: dict[int, Follower] = {}
        """By channel."""
        self._shown: dict[int, tuple[Quality, ...]] = {}
        self._tasks = TaskOwner("transcoding", log)
        self._house = House(self.planner, self.backends, clock, self._tasks.spawn, self._tell)

    def start(self) -> None:
        """Try the transcoders, and look after jobs, from now on."""
        if self.config.enabled:
            self._tasks.spawn(self.probe(), "probe")
            self._tasks.spawn(self._every_second(), "look")

    async def stop(self) -> None:
        """End all jobs."""
        for follower in list(self._followers.values()):
            follower.close()
        self._followers.clear()
        await self._tasks.stop()

    async def probe(self) -> None:
        """Try the transcoders, and use what works now."""
        await self.backends.probe()
        for follower in list(self._followers.values()):
            follower.reconsider()

    def probe_soon(self) -> None:
        """The same in the background."""
        self._tasks.spawn(self.probe(), "probe")

    def follow(self, broadcast: BroadcastRef, stream: LiveStream) -> Callable[[], None]:
        """Declare the stream's ladder once its source is known; see the contract."""
        if not self.config.enabled:
            stream.ladder.declare(())
            return lambda: None
        follower = Follower(broadcast, stream, self._house)
        before = self._followers.pop(broadcast.channel.id, None)
        if before is not None:
            before.close()
        self._followers[broadcast.channel.id] = follower
        try:
            follower.start()
        except Exception:
            log.exception("%s gets no further qualities", stream.name)
            stream.ladder.declare(())
        return lambda: self._leave(follower)

    def followers(self) -> tuple[Follower, ...]:
        """Every stream that runs."""
        return tuple(each for each in self._followers.values() if not each.over)

    def qualities(self, channel_id: int) -> tuple[Quality, ...]:
        """Those of a channel's stream, the source first; empty when none runs."""
        follower = self._followers.get(channel_id)
        return qualities(follower) if follower is not None and not follower.over else ()

    def why_no_more(self, channel_id: int) -> Sentence | None:
        """Why a channel's stream has no further video qualities; None when it has."""
        follower = self._followers.get(channel_id)
        return follower.why_none if follower is not None and not follower.over else None

    def look(self) -> None:
        """Look after every job; once a second."""
        for channel_id, follower in list(self._followers.items()):
            if follower.over:
                del self._followers[channel_id]
                self._shown.pop(channel_id, None)
                continue
            try:
                follower.look()
                self._show(channel_id, follower)
            except Exception:
                log.exception("%s: its qualities could not be looked at", follower.stream.name)

    def _show(self, channel_id: int, follower: Follower) -> None:
        found = qualities(follower)
        if self._shown.get(channel_id, ()) != found:
            self._shown[channel_id] = found
            self._events.publish(
                EncoderNoticed(channel_id=channel_id, name=follower.broadcast.channel.name)
            )

    def _leave(self, follower: Follower) -> None:
        follower.close()
        channel_id = follower.broadcast.channel.id
        if self._followers.get(channel_id) is follower:
            del self._followers[channel_id]
            self._shown.pop(channel_id, None)

    def _tell(self, broadcast: BroadcastRef, code: str, sentence: Sentence) -> None:
        last = self._notices.last(broadcast.channel.id)
        # What is wrong with the encoder, its owner can mend; this, only the operator.
        if last is None or last.kind != "warning":
            self._notices.put(broadcast.channel, "quality", code, sentence)

    async def _every_second(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
