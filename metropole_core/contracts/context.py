"""PluginContext: all that a plugin gets from the house."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.channels import Channels
from metropole_core.contracts.egress import Egress
from metropole_core.contracts.events import Event
from metropole_core.contracts.ingest import Ingest
from metropole_core.contracts.previews import Previews
from metropole_core.contracts.publishing import Publishing
from metropole_core.contracts.transcoding import Transcoding

S = TypeVar("S", bound=BaseModel)
E = TypeVar("E", bound=Event)


class Clock(Protocol):
    """Time, so that rules can be tested with another."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def time(self) -> float:
        """Unix time in seconds."""


class Events(Protocol):
    """The site's event bus."""

    def publish(self, event: Event) -> None:
        """Tell everyone; each subscriber runs in a task of its own."""

    def subscribe(self, kind: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        """Hear of events of that kind. A handler has 2 s; its errors are logged, never raised."""


class Registry(Protocol):
    """What is installed and enabled, asked by capability, never by import."""

    def ingests(self) -> tuple[Ingest, ...]:
        """Every ingest, by name."""

    def egresses(self) -> tuple[Egress, ...]:
        """Every egress, by name."""


class Addresses(Protocol):
    """The operator's addresses."""

    @property
    def public_url(self) -> str:
        """The site, without a slash at the end."""

    def media_url(self, port: int) -> str:
        """The media port as players reach it: the setting `media_url`, or the host of
        `public_url` with that port."""

    @property
    def fallback_url(self) -> str | None:
        """Where the site's own port serves the origins of egresses, each under its `prefix`, for
        players that cannot reach the media port; without a slash at the end. None: nowhere,
        since the operator does not want it."""

    def rtmp_url(self, port: int) -> str:
        """The RTMP server as encoders reach it: the setting `rtmp_url`, or rtmp:// with the host
        of `public_url` and that port (left out when it is 1935)."""

    def rtmps_url(self, port: int) -> str:
        """The same over TLS: rtmps:// with the host of `rtmp_url`, or of `public_url`, and that
        port (left out when it is 443)."""


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[S]):
    """All that a plugin gets from the house, made for it before it is constructed."""

    name: str
    settings: S
    clock: Clock
    events: Events
    shared: Shared
    registry: Registry
    addresses: Addresses
    channels: Channels
    publishing: Publishing
    transcoding: Transcoding
    previews: Previews
    tls: ssl.SSLContext | None
    """For servers that the plugin opens: the site's certificate, kept fresh. None when the operator
    set none, since a web server in front speaks TLS or nobody does."""
    log: logging.Logger
    spawn: Callable[[Coroutine[Any, Any, None], str], None]
    """Run a task that ends with the plugin: (coroutine, name). An exception is logged."""
