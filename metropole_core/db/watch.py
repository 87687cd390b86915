"""Whether the database answers: found out once for all who ask, told to the operator once.

A server that is stopped, or a file that another program keeps locked, would let every page wait
for its own time-out, and write a line into the log for each. Here the first who waits too long, or
whose connection breaks, has the database tried out; when that fails, whoever waits is told so at
once, and so is whoever asks until a further try succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator

from metropole_core.db.faults import words
from metropole_core.errors import DatabaseAway

log = logging.getLogger("metropole.db")

SUSPECT_SECONDS = 1.5
"""Whoever waits longer for a server has it tried out."""
TRY_SECONDS = 1.5
"""How long such a try may take."""
AGAIN_SECONDS = 0.5
"""Between two tries while it is away."""
HINDERED_EVERY = 60.0
"""Seconds between two lines of the log about a database that is there and cannot work."""


class Watch:
    """Looks after one database.

    Arguments:
        attempt: tries the database out; raises when it does not answer.
        suspect: seconds of waiting after which it is tried out.
    """

    def __init__(
        self, attempt: Callable[[], Awaitable[None]], suspect: float = SUSPECT_SECONDS
    ) -> None:
        self.away = False
        self._attempt = attempt
        self._suspect = suspect
        self._limits: dict[asyncio.Timeout, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._hindered_told = float("-inf")
        self._stopped = False

    def check(self) -> None:
        """Raises DatabaseAway while it is known to be away."""
        if self.away:
            raise DatabaseAway

    @contextlib.contextmanager
    def waiting(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Somebody waits for the database under that time-out. It ends early when the database
        turns out to be away."""
        loop = asyncio.get_running_loop()
        began = self._limits[limit] = loop.time()
        if self._timer is None and self._suspect < float("inf"):
            self._timer = loop.call_later(self._suspect, self._look)
        try:
            yield
        finally:
            del self._limits[limit]
            self._waited(loop.time() - began)

    def broke(self, error: Exception) -> DatabaseAway:
        """A connection failed; what to raise instead. Whether the others work is tried out."""
        self._try(error, sure=False)
        return DatabaseAway()

    def locked(self, error: Exception) -> DatabaseAway:
        """Nothing can be written, as somebody waited in vain for long; what to raise instead."""
        self._try(error, sure=True)
        return DatabaseAway()

    def full(self, error: Exception) -> DatabaseAway:
        """There is no space, or no file may be opened; what to raise instead."""
        self._hindered(error, "Look for space on its disk and at the limit of open files")
        return DatabaseAway(
            "The site cannot keep anything right now. Try again in a minute.", retry_after=60
        )

    def start(self) -> None:
        """The database is connected."""
        self._stopped = False

    def crowded(self, error: Exception) -> DatabaseAway:
        """The server gives no connection more; what to raise instead. Those that are there work."""
        self._hindered(error, "Let it give more connections to the site")
        return DatabaseAway()

    async def stop(self) -> None:
        """Try no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=1.0)

    def _hindered(self, error: Exception, advice: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._hindered_told >= HINDERED_EVERY:
            self._hindered_told = now
            log.error("the database cannot work: %s. %s", words(error), advice)

    def _look(self) -> None:
        """When the one who waits longest has waited for too long."""
        self._timer = None
        if self._limits:
            loop = asyncio.get_running_loop()
            waited = loop.time() - next(iter(self._limits.values()))
            self._waited(waited)
            pause = self._suspect - waited
            self._timer = loop.call_later(pause if pause > 0 else self._suspect, self._look)

    def _waited(self, seconds: float) -> None:
        if seconds >= self._suspect and not self.away:
            self._try(TimeoutError(f"it did not answer for {seconds:.1f} s"), sure=False)

    def _try(self, error: Exception, *, sure: bool) -> None:
        if self._task is None and not self._stopped:
            self._task = asyncio.get_running_loop().create_task(
                self._until_it_answers(error, sure), name="db:watch"
            )
            self._task.add_done_callback(self._tried)

    def _tried(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None

    async def _until_it_answers(self, error: Exception, sure: bool) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        if not sure and await self._answers():
            return
        self.away = True
        log.error(
            "the database is away: %s. Who needs it is told so until it is back", words(error)
        )
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(loop.time())
        try:
            while not await self._answers():  # noqa: ASYNC110
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self.away = False
        log.warning("the database is back after %.0f s", loop.time() - since)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self._attempt()
        except Exception as error:
            log.debug("the database does not answer: %r", error)
            return False
        return True
