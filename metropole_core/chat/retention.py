"""Keeps the history of rooms within its bound: older messages are deleted in small steps, each a
transaction of its own with a pause after it, so that nobody who speaks waits for it."""

from __future__ import annotations

import asyncio
import logging

from metropole_core.chat.store import ChatStore
from metropole_core.db.connection import Database
from metropole_core.tasks import TaskOwner

log = logging.getLogger("metropole.chat")

STEP = 200
"""Messages deleted at once."""
PAUSE = 0.1
"""Seconds after each step, and after each room that was looked at."""
SWEEP_SECONDS = 600.0
"""Between two looks at all rooms."""


class Retention:
    """Deletes what is older than the last messages of each room.

    Arguments:
        keep: messages of a room, 0 for all.
    """

    def __init__(self, db: Database, keep: int, pause: float = PAUSE) -> None:
        self._store = ChatStore(db)
        self._keep = keep
        self._pause = pause
        self._tasks = TaskOwner("chat history", log, limit=1)

    def start(self) -> None:
        """Look from now on, if there is a bound."""
        if self._keep:
            self._tasks.spawn(self._run(), "sweep")

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    async def sweep(self) -> int:
        """One look at all rooms. Returns how many messages were deleted."""
        gone, channel_id = 0, await self._store.next_channel(0)
        while channel_id is not None:
            last = await self._store.newest_surplus(channel_id, self._keep)
            while last is not None:
                deleted = await self._store.forget(channel_id, last, STEP)
                gone += deleted
                await asyncio.sleep(self._pause)
                if deleted < STEP:
                    break
            await asyncio.sleep(self._pause)
            channel_id = await self._store.next_channel(channel_id)
        return gone

    async def _run(self) -> None:
        while True:
            try:
                gone = await self.sweep()
            except Exception as error:
                log.warning("old chat messages could not be deleted: %r", error)
            else:
                if gone:
                    log.info("%d old chat messages were deleted", gone)
            await asyncio.sleep(SWEEP_SECONDS)
