"""How many pages and API answers one address may ask for: far more than people do, even many
behind one router, and less than it takes to keep the site busy."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache

from metropole_core.accounts.limits import counted
from metropole_core.chat.limits import Bucket

BURST, PER_SECONDS = 1000, 20.0
"""1000 at once, then 50 a second."""
MAX_ADDRESSES = 20_000


class Pace:
    """Token buckets of addresses, IPv6 by /64. The one that was not used for longest is forgotten
    when there are too many.

    Arguments:
        clock: monotonic seconds.
        exempt: networks that are proxies, behind which everybody may be.
        limit: addresses that are kept.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        exempt: Sequence[str] = (),
        limit: int = MAX_ADDRESSES,
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        networks = [ipaddress.ip_network(each, strict=False) for each in exempt]

        @lru_cache(maxsize=4096)
        def home(address: str) -> str | None:
            try:
                ipaddress.ip_address(address.partition("%")[0])
            except ValueError:
                return None  # a socket of this machine
            return counted(address, networks)

        self._home = home

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str) -> float:
        """One request. Returns 0, or the seconds until the next is answered."""
        home = self._home(address)
        if home is None:
            return 0.0
        now = self._clock()
        bucket = self._buckets.get(home)
        if bucket is None:
            bucket = self._buckets[home] = Bucket(BURST, PER_SECONDS, now)
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(home)
        return bucket.take(now)
