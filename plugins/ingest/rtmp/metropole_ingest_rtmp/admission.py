"""How many encoders may be connected, in all and from one address, and what the log hears of the
others. RTMP and RTMPS share it."""

from __future__ import annotations

import ipaddress
from collections import Counter

from metropole_core.contracts.context import PluginContext
from metropole_ingest_rtmp.settings import RtmpSettings

QUIET_SECONDS = 10.0
MAX_LINES = 3
"""Of the log, in that time, about callers who did not become publishers; more are counted."""


class Admission:
    """Counts connections."""

    def __init__(self, context: PluginContext[RtmpSettings]) -> None:
        self._context = context
        self._inside = 0
        self._per_address: Counter[str] = Counter()
        self._told_since = float("-inf")
        self._told = 0
        self._untold = 0

    def enter(self, address: str) -> bool:
        """Count a new connection, if there is room for it."""
        settings = self._context.settings
        source = source_of(address)
        if self._inside >= settings.max_connections:
            self.complain("RTMP: turned away %s: all connections are taken", address)
            return False
        if self._per_address[source] >= settings.max_per_address:
            self.complain("RTMP: turned away %s: that address has too many connections", address)
            return False
        self._inside += 1
        self._per_address[source] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was let in is gone."""
        source = source_of(address)
        self._inside -= 1
        self._per_address[source] -= 1
        if self._per_address[source] <= 0:
            del self._per_address[source]

    def complain(self, line: str, *values: str) -> None:
        """Tell the log of a caller who did not become a publisher. Strangers in great number are
        counted instead."""
        self.tell_how_many()
        if self._told >= MAX_LINES:
            self._untold += 1
            return
        self._told += 1
        self._context.log.warning(line, *values)

    def tell_how_many(self) -> None:
        """Tell the log of those who were only counted, once in a while."""
        now = self._context.clock.monotonic()
        if now - self._told_since < QUIET_SECONDS:
            return
        if self._untold:
            self._context.log.warning(
                "RTMP: closed %d more connections that did not become streams", self._untold
            )
        self._told_since, self._told, self._untold = now, min(1, self._untold), 0


def source_of(address: str) -> str:
    """What counts as one address: IPv4 itself, IPv6 its /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
