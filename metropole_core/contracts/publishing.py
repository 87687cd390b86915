"""How an ingest plugin asks the core whether an encoder may publish, and reports how it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from metropole_core.contracts.channels import ChannelRef
from metropole_media.live import LiveStream


class Publication(Protocol):
    """One publisher's stay, from its grant until it is gone. Exactly one of `lost` and `ended`
    is called; further calls do nothing."""

    def on_cut(self, callback: Callable[[str], None]) -> None:
        """Register what to do when the core ends this publisher (key rotated, broadcast ended by
        its creator, replaced by a newer connection, over one of the operator's limits). The
        callback gets a sentence for the encoder and the log; it must detach from the stream
        before it returns, and close the connection. Called at once when the publisher was ended
        already, and possibly while `PublisherHandle.describe` runs: a picture that is too large
        is cut off there."""

    def notice(self, code: str, sentence: str) -> None:
        """Something is wrong with what the encoder sends, though it goes on. Its creator reads it
        until the encoder leaves.

        Arguments:
            code: stable word ("timestamps_stand"); the core may have translated words for it.
            sentence: what is wrong and what to do, otherwise.
        """

    def lost(self, reason: str) -> None:
        """The connection broke; the encoder may come back within the reconnect window."""

    def ended(self) -> None:
        """The encoder said that it stops (RTMP FCUnpublish or deleteStream)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The publisher is welcome.

    Fields:
        channel: whose key it was.
        stream: attach to it before the next await.
        publication: how the core is told of the publisher's stay, and ends it.
    """

    channel: ChannelRef
    stream: LiveStream
    publication: Publication


@dataclass(frozen=True, slots=True)
class Refusal:
    """The publisher is refused.

    Fields:
        code: "bad_key", "not_allowed", "already_live", "ended_by_creator", "rate_limited",
            "limit" (one of the operator's), "unavailable".
        sentence: for the encoder's log; never holds the key.
        retry_after: seconds, or None.
    """

    code: str
    sentence: str
    retry_after: float | None = None


class Publishing(Protocol):
    """The core's door for ingest plugins. Fails closed."""

    async def open(self, protocol: str, key: str, peer: str) -> Grant | Refusal:
        """Decide about one publisher.

        Arguments:
            protocol: "rtmp", "whip".
            key: stream key as sent, already cut out of query or stream name.
            peer: the encoder's IP address.
        """
