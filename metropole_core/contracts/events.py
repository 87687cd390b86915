"""The one typed list of things that happen, published on the site's event bus.

Every event is a frozen msgspec struct, so that it crosses a backplane unchanged.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec


class LiveState(str, Enum):
    """The states of a channel; `metropole_core.streams.machine` says how they follow."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    LIVE = "live"
    INTERRUPTED = "interrupted"


class Event(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all events."""


class ChannelCreated(Event, frozen=True, kw_only=True):
    """An account was made, and with it a channel; or someone made another one."""

    channel_id: int
    name: str


class ChannelChanged(Event, frozen=True, kw_only=True):
    """Title, category, tags, pictures or chat switch changed."""

    channel_id: int
    name: str


class LiveStateChanged(Event, frozen=True, kw_only=True):
    """The live-status machine moved from `previous` to `state`. `broadcast_id` is the running
    broadcast's, `started_at` its start in UTC; None off air."""

    channel_id: int
    name: str
    state: LiveState
    previous: LiveState
    broadcast_id: int | None
    started_at: datetime | None


class ViewersChanged(Event, frozen=True, kw_only=True):
    """`viewers` people watch a channel now."""

    channel_id: int
    name: str
    viewers: int


class Followed(Event, frozen=True, kw_only=True):
    """An account follows a channel."""

    channel_id: int
    user_id: int


class Unfollowed(Event, frozen=True, kw_only=True):
    """An account follows a channel no longer."""

    channel_id: int
    user_id: int


class ChatSettingsChanged(Event, frozen=True, kw_only=True):
    """Chat was switched, or a chat mode was switched or set otherwise."""

    channel_id: int


class EncoderNoticed(Event, frozen=True, kw_only=True):
    """What a channel's creator has to know about the encoder changed: it was warned, cut off or
    refused, or that is over; or the qualities of the stream did. What it is, only the owner's page
    shows."""

    channel_id: int
    name: str


class HealthFinding(msgspec.Struct, frozen=True):
    """Something that is wrong with a stream.

    Fields:
        code: stable word ("long_gop"); docs/how-to/stream-health.md lists them.
        severity: "hint", "warning" or "bad".
        sentence: what is wrong and what to do, in English.
    """

    code: str
    severity: str
    sentence: str


class StreamHealth(Event, frozen=True, kw_only=True):
    """What is wrong with a channel's stream changed.

    Fields:
        level: "good", "warning", "bad", or "none" while no encoder is connected.
        findings: all there are now, the worst first.
    """

    channel_id: int
    name: str
    level: str
    findings: tuple[HealthFinding, ...]


class StreamUnwell(Event, frozen=True, kw_only=True):
    """Who plays a stream out found something wrong with it that its creator can mend, or has to
    know of. Told once for each code and broadcast; the creator's page shows it.

    Fields:
        code: stable word for programs ("long_gop").
        sentence: what is wrong and what to do. Shown where the core has no words for the code.
    """

    channel_id: int
    code: str
    sentence: str
