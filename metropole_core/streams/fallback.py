"""How many may fetch media through the site's own port, which is made for pages.

A viewer is counted there by address (IPv6: the /64), stream and User-Agent, and as long as
requests come. People behind one router who watch the same stream with the same browser count as
one: that is generous to an office, and needs no cookie and nothing of the player. Who has a seat
keeps it; one address has at most a quarter of all, so that a stranger cannot take every seat.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from metropole_core.accounts.limits import address_key, counted

SEAT_SECONDS = 10.0
"""A player asks at least once a second; who is silent for so long has left."""
ONE_ADDRESS = 4
"""One address has at most this part of the seats."""


class Seat(NamedTuple):
    """What a viewer is told apart by."""

    address: str
    stream: str
    user_agent: str


class MediaFallback:
    """The seats of the site's port.

    Arguments:
        max_viewers, max_waiting: seats, and requests that may wait at the same time.
        monotonic: the clock.
    """

    def __init__(self, max_viewers: int, max_waiting: int, monotonic: Callable[[], float]) -> None:
        self._max_viewers = max_viewers
        self._max_waiting = max_waiting
        self._monotonic = monotonic
        self._seats: OrderedDict[Seat, float] = OrderedDict()
        self._addresses: Counter[str] = Counter()
        self.waiting = 0
        """Requests that wait now; who answers them counts."""

    @property
    def viewers(self) -> int:
        """How many play through the site's port now."""
        self._leave()
        return len(self._seats)

    @property
    def may_wait(self) -> bool:
        """Whether one more request may wait for its answer."""
        return self.waiting < self._max_waiting

    def take_seat(self, address: str, stream: str, user_agent: str) -> bool:
        """Count a request of a viewer.

        Arguments:
            address: the real peer's.
            stream: what is told apart from other streams.
            user_agent: as the browser names itself.

        Returns:
            False when every seat is taken, or the address has its share of them.
        """
        seat = Seat(address_key(address), stream[:100], user_agent[:300])
        if seat in self._seats:
            self._seats[seat] = self._monotonic()
            self._seats.move_to_end(seat)
            return True
        self._leave()
        if len(self._seats) >= self._max_viewers:
            return False
        share = max(1, self._max_viewers // ONE_ADDRESS)
        if counted(address) is not None and self._addresses[seat.address] >= share:
            return False
        self._seats[seat] = self._monotonic()
        self._addresses[seat.address] += 1
        return True

    def _leave(self) -> None:
        """Give the seats free of those who were not heard of."""
        earliest = self._monotonic() - SEAT_SECONDS
        while self._seats:
            seat = next(iter(self._seats))
            if self._seats[seat] > earliest:
                return
            del self._seats[seat]
            self._addresses[seat.address] -= 1
            if not self._addresses[seat.address]:
                del self._addresses[seat.address]
