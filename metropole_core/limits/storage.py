"""How much of the disk a channel's files, and all files together, may take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from metropole_core.errors import OverLimit
from metropole_core.limits import words
from metropole_core.limits.service import ChannelLimits
from metropole_core.storage import Storage


class StorageRoom:
    """Says whether a file may be kept."""

    def __init__(self, limits: ChannelLimits, storage: Storage) -> None:
        self._limits = limits
        self._storage = storage

    async def check(
        self, channel_id: int, octets: int, *, kept: Sequence[str], replaced: str | None
    ) -> None:
        """Look for room for a new file of a channel.

        Arguments:
            octets: of the new file.
            kept: keys of the channel's files that stay.
            replaced: key of the file that goes.

        Raises:
            OverLimit: there is none; the sentence says whose limit it is.
        """
        of_channel = (await self._limits.of(channel_id)).storage
        of_site = self._limits.site.total_storage
        if not of_channel and not of_site:
            return
        mine, all_files, old = await asyncio.to_thread(self._measure, kept, replaced, of_site > 0)
        if of_channel and mine + octets > of_channel:
            raise OverLimit(words.channel_full(of_channel, mine + octets))
        if of_site and all_files - old + octets > of_site:
            raise OverLimit(words.site_full(of_site))

    def _measure(
        self, kept: Sequence[str], replaced: str | None, everything: bool
    ) -> tuple[int, int, int]:
        mine = sum(self._storage.size(key) for key in kept)
        old = self._storage.size(replaced) if replaced is not None else 0
        return mine, self._storage.total() if everything else 0, old
