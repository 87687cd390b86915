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
        display_name: its name as people see it.
        title: of the broadcast, or of the last one.
        category: what it is about; empty when the creator chose none.
        tags: words of the creator's.
        url: its page.
        thumbnail: URL of its picture.
        avatar: URL of its round picture, null when it has none.
        status: its live status.
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


class Playback(msgspec.Struct, frozen=True):
    """One way to play what is on air.

    Fields:
        url: absolute; it changes with every broadcast.
        mime_type: "application/vnd.apple.mpegurl" for HLS.
        latency: "normal", "low" or "ultra_low": what the creator chose for this broadcast.
        latency_ms: what a viewer can expect, in milliseconds.
        target_ms: how far behind the newest media to keep the picture, in milliseconds; 0: as
            the player likes it.
        fallback_url: the same on the site's own port, for players that cannot reach the host and
            port of `url`; null when there is no such way.
    """

    url: str
    mime_type: str
    latency: str
    latency_ms: int
    target_ms: int
    fallback_url: str | None


class ChannelDetails(Channel, frozen=True):
    """A channel, and how to play it.

    Fields:
        playback: best first; empty when nothing can be played now.
    """

    playback: list[Playback]


class ChannelList(msgspec.Struct, frozen=True):
    """Channels.

    Fields:
        channels: live ones first, then by viewers.
    """

    channels: list[Channel]


class Problem(msgspec.Struct, frozen=True):
    """Why there is no answer.

    Fields:
        code: stable word for programs.
        sentence: for people.
    """

    code: str
    sentence: str


class Failure(msgspec.Struct, frozen=True):
    """An error.

    Fields:
        error: what is wrong.
    """

    error: Problem
