"""Rate limits: how often something may be tried."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence

from metropole_core.contracts.backplane import Shared
from metropole_core.errors import TooMany

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RateLimit:
    """Counts tries in fixed windows on the backplane, so that all processes count together."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def hit(self, key: str, limit: int, per_seconds: float) -> None:
        """Count one try.

        Arguments:
            key: what is limited, for whom ("sign-in/anna"); at most 200 characters count.
            limit: tries in a window.
            per_seconds: length of the window, which the first try opens.

        Raises:
            TooMany: there were more; says when to try again.
        """
        key = f"rate/{key[:200]}"
        if await self._shared.increment(key, per_seconds) <= limit:
            return
        wait = await self._shared.remaining(key)
        seconds = max(1.0, per_seconds if wait is None else wait)
        raise TooMany(f"Too many tries. Try again in {_words(seconds)}.", retry_after=seconds)

    async def forget(self, key: str) -> None:
        """Open a new window."""
        await self._shared.delete(f"rate/{key[:200]}")


def address_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 address, since one
    household holds all of it. Anything else counts as it is, cut to 64 characters."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def counted(address: str, proxies: Sequence[Network] = ()) -> str | None:
    """What limits count by: `address_key`, or None for this machine itself, since everybody comes
    from there when a proxy in front is not known as one, and for the proxies that are known."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address_key(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    parsed = mapped or parsed
    if parsed.is_loopback or any(parsed in network for network in proxies):
        return None
    return address_key(address)


def _words(seconds: float) -> str:
    if seconds < 90:
        whole = math.ceil(seconds)
        return "1 second" if whole == 1 else f"{whole} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
