"""Tasks that belong to somebody and end with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from metropole_core.errors import DatabaseAway

MAX_TASKS = 1000
STOP_TIMEOUT = 1.0


class TaskOwner:
    """The tasks of one plugin, or of one part of the core.

    Arguments:
        name: stands before the names of its tasks and in the log.
        log: where exceptions go.
        limit: tasks at a time; more are refused, so that a loop that spawns cannot fill memory.
    """

    def __init__(self, name: str, log: logging.Logger, limit: int = MAX_TASKS) -> None:
        self._name = name
        self._log = log
        self._limit = limit
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run it. An exception is logged.

        Raises:
            RuntimeError: the owner has stopped, or has `limit` tasks already.
        """
        if self._stopped or len(self._tasks) >= self._limit:
            coroutine.close()
            why = "has stopped" if self._stopped else f"runs {self._limit} tasks already"
            raise RuntimeError(f"{self._name} {why}: {name} is not started")
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, DatabaseAway):
            self._log.error("%s failed", task.get_name(), exc_info=error)

    def cancel(self) -> None:
        """Cancel all and take no more."""
        self._stopped = True
        for task in set(self._tasks):
            task.cancel()

    async def stop(self) -> None:
        """Cancel all and wait at most a second for them."""
        self.cancel()
        tasks = set(self._tasks)
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
            for task in left:
                self._log.error("%s did not end when it was cancelled", task.get_name())
