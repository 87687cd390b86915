"""Pictures out of streams, for cards, link previews and the page of a channel that is off air."""

from __future__ import annotations

from typing import Protocol

from metropole_core.contracts.channels import ChannelRef


class Previews(Protocol):
    """The core's place for the newest picture of each channel."""

    async def put(self, channel: ChannelRef, picture: bytes) -> None:
        """Show this picture for the channel, in place of the one before.

        Arguments:
            picture: WebP, at most 1 MiB.

        Raises:
            Invalid: it is no such picture.
            Unavailable: it could not be stored.
        """
