"""What joins processes: counters and values with expiry, the same in all of them."""

from __future__ import annotations

from typing import Protocol


class Shared(Protocol):
    """Small values of one plugin, seen by all processes. Keys are the plugin's own."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or it has expired."""

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value (at most 4 KiB) for `ttl` seconds."""

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Keep a value only if there is none; says whether it was kept. Atomic."""

    async def delete(self, key: str) -> None:
        """Forget it."""

    async def increment(self, key: str, ttl: float) -> int:
        """Count up; the first count starts the expiry of `ttl` seconds. Atomic."""

    async def remaining(self, key: str) -> float | None:
        """Seconds until the value expires, None when there is none."""
