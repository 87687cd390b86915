"""Who watches: people whose player said so within the last seconds.

A viewer is a signed-in person or one guest's browser. Players beat every 10 s over the site's
socket; who is not heard of for `EXPIRY` seconds has left. One address counts for at most
`MAX_PER_ADDRESS` viewers of a channel, so that a loop of guests cannot fake a crowd.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable

from metropole_core.accounts.limits import address_key
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import ViewersChanged
from metropole_core.tasks import TaskOwner

log = logging.getLogger("metropole.viewers")

EXPIRY = 25.0
"""Seconds without a beat after which a viewer has left."""
PUBLISH_EVERY = 1.0
"""Seconds between two events of a channel, and between two looks for who has left."""
MAX_PER_ADDRESS = 50
MAX_VIEWERS = 200_000
"""Of all channels; later ones are not counted."""


class _Audience:
    __slots__ = ("addresses", "people", "told")

    def __init__(self) -> None:
        self.people: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self.addresses: Counter[str] = Counter()
        self.told = 0

    def remove(self, person: str) -> bool:
        known = self.people.pop(person, None)
        if known is None:
            return False
        self.addresses[known[1]] -= 1
        if not self.addresses[known[1]]:
            del self.addresses[known[1]]
        return True


class Viewers:
    """The audience of each channel.

    Arguments:
        name_of: a channel's name, None when it is gone.
    """

    def __init__(
        self, clock: Clock, events: Events, name_of: Callable[[int], Awaitable[str | None]]
    ) -> None:
        self._clock = clock
        self._events = events
        self._name_of = name_of
        self._audiences: dict[int, _Audience] = {}
        self._peaks: dict[int, int] = {}
        self._total = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskOwner("viewers", log)

    def beat(self, channel_id: int, person_key: str, address: str) -> None:
        """That person's player plays that channel now."""
        audience = self._audiences.get(channel_id)
        if audience is None:
            audience = self._audiences[channel_id] = _Audience()
        now, home = self._clock.monotonic(), address_key(address)
        known = audience.people.get(person_key)
        if known is not None:
            audience.people[person_key] = (now, known[1])
            audience.people.move_to_end(person_key)
        elif audience.addresses[home] < MAX_PER_ADDRESS and self._total < MAX_VIEWERS:
            audience.people[person_key] = (now, home)
            audience.addresses[home] += 1
            self._total += 1
        count = len(audience.people)
        if count > self._peaks.get(channel_id, 0):
            self._peaks[channel_id] = count
        self._look_later()

    def gone(self, channel_id: int, person_key: str) -> None:
        """That person stopped watching."""
        audience = self._audiences.get(channel_id)
        if audience is not None and audience.remove(person_key):
            self._total -= 1
            self._look_later()

    def count(self, channel_id: int) -> int:
        """How many people watch a channel."""
        audience = self._audiences.get(channel_id)
        if audience is None:
            return 0
        self._expire(audience)
        return len(audience.people)

    def peak(self, channel_id: int) -> int:
        """The most people that watched at once since `reset_peak`."""
        return self._peaks.get(channel_id, 0)

    def reset_peak(self, channel_id: int) -> None:
        """A broadcast begins: its peak is counted from those who wait already."""
        self._peaks[channel_id] = self.count(channel_id)

    async def stop(self) -> None:
        """Stop telling."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._tasks.stop()

    def _expire(self, audience: _Audience) -> None:
        limit = self._clock.monotonic() - EXPIRY
        while audience.people:
            person = next(iter(audience.people))
            if audience.people[person][0] > limit:
                return
            audience.remove(person)
            self._total -= 1

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PUBLISH_EVERY, self._look)

    def _look(self) -> None:
        """Once a second while anybody watches: who has left, and which counts have changed."""
        self._timer = None
        changed = []
        for channel_id, audience in list(self._audiences.items()):
            self._expire(audience)
            count = len(audience.people)
            if count != audience.told:
                audience.told = count
                changed.append((channel_id, count))
            if not count:
                del self._audiences[channel_id]
        if changed:
            self._tasks.spawn(self._tell(changed), "tell")
        if self._audiences:
            self._look_later()

    async def _tell(self, changed: list[tuple[int, int]]) -> None:
        for channel_id, count in changed:
            name = await self._name_of(channel_id)
            if name is not None:
                self._events.publish(
                    ViewersChanged(channel_id=channel_id, name=name, viewers=count)
                )
