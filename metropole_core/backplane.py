"""The backplane within one process: `contracts.backplane.Shared` in memory, bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from metropole_core.contracts.backplane import Shared

MAX_VALUE = 4096
MAX_KEY = 256
MAX_ENTRIES = 50_000
MAX_OCTETS = 32 << 20
"""All keys and values together."""
SWEEP_EVERY = 1.0
"""Seconds between two looks for expired entries when the store is full."""


class MemoryShared:
    """Values with expiry. When it is full, what has expired goes first, then what was not used
    for longest.

    Arguments:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        max_entries: int = MAX_ENTRIES,
        max_octets: int = MAX_OCTETS,
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_octets = max_octets
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._octets = 0
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def octets(self) -> int:
        return self._octets

    async def get(self, key: str) -> bytes | None:
        entry = self._live(key)
        return entry[0] if entry is not None else None

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        self._put(key, value, self._clock() + ttl)

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        if self._live(key) is not None:
            return False
        self._put(key, value, self._clock() + ttl)
        return True

    async def delete(self, key: str) -> None:
        self._drop(key)

    async def increment(self, key: str, ttl: float) -> int:
        entry = self._live(key)
        if entry is None:
            count, expires = 1, self._clock() + ttl
        else:
            count, expires = int(entry[0]) + 1, entry[1]
        self._put(key, b"%d" % count, expires)
        return count

    async def remaining(self, key: str) -> float | None:
        entry = self._live(key)
        return entry[1] - self._clock() if entry is not None else None

    def _live(self, key: str) -> tuple[bytes, float] | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _put(self, key: str, value: bytes, expires: float) -> None:
        if len(value) > MAX_VALUE:
            raise ValueError(f"a shared value has at most {MAX_VALUE} octets, not {len(value)}")
        if len(key) > MAX_KEY:
            raise ValueError(f"a shared key has at most {MAX_KEY} characters")
        self._drop(key)
        self._octets += len(key) + len(value)
        self._entries[key] = (value, expires)
        if self._full():
            self._sweep()
        while self._full():
            self._drop(next(iter(self._entries)))

    def _full(self) -> bool:
        return len(self._entries) > self._max_entries or self._octets > self._max_octets

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at < SWEEP_EVERY:
            return
        self._swept_at = now
        for key in [key for key, (_, expires) in self._entries.items() if expires <= now]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._octets -= len(key) + len(entry[0])


class PrefixShared:
    """A plugin's own corner of the backplane: keys get a prefix that no other plugin has."""

    def __init__(self, shared: Shared, owner: str) -> None:
        self._shared = shared
        self._prefix = f"{owner}:"

    async def get(self, key: str) -> bytes | None:
        return await self._shared.get(self._prefix + key)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await self._shared.set(self._prefix + key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        return await self._shared.add(self._prefix + key, value, ttl)

    async def delete(self, key: str) -> None:
        await self._shared.delete(self._prefix + key)

    async def increment(self, key: str, ttl: float) -> int:
        return await self._shared.increment(self._prefix + key, ttl)

    async def remaining(self, key: str) -> float | None:
        return await self._shared.remaining(self._prefix + key)
