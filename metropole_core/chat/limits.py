"""How often something may be done: token buckets, and counts of what is open."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

MESSAGES = 5
PER_SECONDS = 5.0
"""A person says at most 5 messages in a burst, and one a second after that."""
ADDRESS_MESSAGES = 20
"""Likewise for everyone behind one address."""
MAX_BUCKETS = 50_000


class Bucket:
    """A token bucket: `burst` at once, then `burst` in each `per` seconds."""

    __slots__ = ("_at", "_left", "_rate", "burst")

    def __init__(self, burst: int, per: float, now: float) -> None:
        self.burst = burst
        self._rate = burst / per
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> float:
        """Take one. Returns 0, or the seconds until there is one; then nothing was taken."""
        self._left = min(self.burst, self._left + (now - self._at) * self._rate)
        self._at = now
        # A little less than one is one: sums of floats must not turn a waiting person away.
        if self._left < 1 - 1e-9:
            return (1 - self._left) / self._rate
        self._left = max(0.0, self._left - 1)
        return 0.0

    def give_back(self) -> None:
        """What was taken was not used."""
        self._left = min(self.burst, self._left + 1)


class SpeakLimits:
    """Messages of each person and of each address. Refused ones count as well, so that trying
    on and on does not help.

    Arguments:
        clock: monotonic seconds.
        limit: buckets that are kept; the one that was not used for longest is forgotten.
    """

    def __init__(self, clock: Callable[[], float], limit: int = MAX_BUCKETS) -> None:
        self._clock = clock
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, person: str, address: str | None) -> float:
        """One message. Returns 0, or the seconds until the next may be said.

        Arguments:
            address: None for one that says nothing of the person: this machine's own, when a
                proxy in front is not known as one.
        """
        now = self._clock()
        own = self._bucket(f"p/{person}", MESSAGES, now)
        wait = own.take(now)
        if wait or address is None:
            return wait
        wait = self._bucket(f"a/{address}", ADDRESS_MESSAGES, now).take(now)
        if wait:
            own.give_back()
        return wait

    def _bucket(self, key: str, burst: int, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(burst, PER_SECONDS, now)
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket


class Caps:
    """Counts what is open, in all and by address.

    Arguments:
        total, per_address: how many may be open at a time.
    """

    def __init__(self, total: int, per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._open: Counter[str] = Counter()
        self._sum = 0

    def __len__(self) -> int:
        return self._sum

    def enter(self, address: str | None) -> bool:
        """One more; False when that is too many, and then it does not count. Without an address
        only the total counts."""
        if self._sum >= self._total:
            return False
        if address is not None:
            if self._open.get(address, 0) >= self._per_address:
                return False
            self._open[address] += 1
        self._sum += 1
        return True

    def leave(self, address: str | None) -> None:
        """One less."""
        self._sum -= 1
        if address is not None:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
