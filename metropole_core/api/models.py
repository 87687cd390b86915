"""What the API answers."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ChannelStatus(msgspec.Struct, frozen=True):
    """A channel's live status.

    Fields:
        state: offline, connecting, live or interrupted.
        started_at: start of the broadcast in UTC, null off air.
        viewers: people who watch now.
    """

    state: str
    started_at: datetime | None
    viewers: int


class Channel(msgspec.Struct, frozen=True):
    """A channel.

    Fields:
        name: address of its page.
        url: its page.
        thumbnail: URL of its picture.
        avatar: URL of its round picture, null when it has none.
    """

    name: str
    display_name: str
    title: str
    category: str
    tags: list[str]
    url: str
    thumbnail: str
    avatar: str | None
    status: ChannelStatus


class ChannelList(msgspec.Struct, frozen=True):
    """Channels, live ones first, then by viewers."""

    channels: list[Channel]


class Problem(msgspec.Struct, frozen=True):
    """Why there is no answer: a stable code for programs, a sentence for people."""

    code: str
    sentence: str


class Failure(msgspec.Struct, frozen=True):
    """An error."""

    error: Problem
