"""Rows on their way to the database: gathered, written together, told back one by one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from metropole_core.errors import DatabaseAway, Unavailable

log = logging.getLogger("metropole.chat")

T = TypeVar("T")

WINDOW = 0.025
"""Seconds between the starts of two batches: what comes meanwhile goes together. After a quiet
time the first row goes at once."""
BATCH = 100
MAX_WAITING = 2000
"""Rows that wait; more are refused."""
WRITE_SECONDS = 5.0
"""How long one batch may take, and how long a row may wait for its own."""
AWAY = "The chat cannot keep messages right now. Try again in a moment."


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    row: T
    done: asyncio.Future[None]
    since: float

    def tell(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Batcher(Generic[T]):
    """Writes behind.

    Arguments:
        write: stores rows in one transaction.
        is_fault_of_row: whether an error of `write` lies in one of the rows, not in the database.
        write_seconds: how long one batch may take.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[None]],
        *,
        is_fault_of_row: Callable[[Exception], bool] = lambda _error: False,
        max_waiting: int = MAX_WAITING,
        write_seconds: float = WRITE_SECONDS,
    ) -> None:
        self._write = write
        self._is_fault_of_row = is_fault_of_row
        self._max_waiting = max_waiting
        self._write_seconds = write_seconds
        self._waiting: deque[_Waiting[T]] = deque()
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, row: T) -> asyncio.Future[None]:
        """Store a row. The future is done when it is in the database, in the order of the rows;
        it raises Unavailable when it is not.

        Raises:
            Unavailable: too much waits already, or the site goes down.
        """
        if self._closed or len(self._waiting) >= self._max_waiting:
            raise Unavailable(AWAY, code="chat_unavailable", retry_after=5)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(_Waiting(row, done, loop.time()))
        if len(self._waiting) >= BATCH:
            self._more.set()
        if self._task is None:
            self._task = loop.create_task(self._run(), name="chat:store")
        return done

    async def stop(self) -> None:
        """Write what waits, and take no more. Takes `write_seconds` at most."""
        self._closed = True
        self._more.set()
        task = self._task
        if task is not None:
            await asyncio.wait([task], timeout=self._write_seconds)
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
        _refuse(self._waiting)
        self._waiting.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                await self._write_batch(began)
                pause = WINDOW - (loop.time() - began)
                if pause > 0 and not self._closed:
                    if len(self._waiting) < BATCH:
                        self._more.clear()
                    try:
                        async with asyncio.timeout(pause):
                            await self._more.wait()
                    except TimeoutError:
                        pass
        finally:
            self._task = None

    async def _write_batch(self, now: float) -> None:
        late = []
        while self._waiting and now - self._waiting[0].since > self._write_seconds:
            late.append(self._waiting.popleft())
        _refuse(late)
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not batch:
            return
        try:
            await self._store(batch)
        except DatabaseAway:
            pass  # the log has it already
        except Exception as error:
            log.error("%d chat messages could not be stored: %r", len(batch), error)
        finally:
            _refuse(batch)

    async def _store(self, batch: Sequence[_Waiting[T]]) -> None:
        try:
            async with asyncio.timeout(self._write_seconds):
                await self._write([each.row for each in batch])
        except Exception as error:
            if len(batch) == 1 or not self._is_fault_of_row(error):
                raise
            # One row is to blame (its account was deleted): the others go on without it.
            for each in batch:
                try:
                    await self._store([each])
                except Exception as single:
                    if not self._is_fault_of_row(single):
                        raise
        else:
            for each in batch:
                each.tell()


def _refuse(rows: Iterable[_Waiting[T]]) -> None:
    for each in rows:
        if not each.done.done():
            each.done.set_exception(Unavailable(AWAY, code="chat_unavailable", retry_after=5))
