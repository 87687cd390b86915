"""Looks again, every few seconds, at what another process may have taken away.

The command line and further workers change the database only; who holds on to something here (a
socket, a broadcast) asks whether it still may.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from metropole_core.errors import DatabaseAway
from metropole_core.tasks import TaskOwner

log = logging.getLogger("metropole.site")

LOOK_SECONDS = 10.0
"""Between two looks; documented for operators."""
LOOK_TIMEOUT = 5.0


class Looks:
    """The functions in `asked` are awaited one after the other. One that fails is logged and asked
    again the next time: a database that is away for a moment cuts nobody off."""

    def __init__(self, asked: list[Callable[[], Awaitable[None]]]) -> None:
        self.asked = asked
        self._tasks = TaskOwner("looks", log, limit=1)

    def start(self) -> None:
        """Look from now on."""
        self._tasks.spawn(self._run(), "look")

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    async def once(self) -> None:
        """One look."""
        for ask in list(self.asked):
            try:
                async with asyncio.timeout(LOOK_TIMEOUT):
                    await ask()
            except DatabaseAway:
                continue  # which the log knows already
            except Exception as error:
                log.warning("%s could not look: %r", ask.__qualname__, error)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.once()
