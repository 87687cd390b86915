"""The event bus within one process.

Each subscription has a task of its own while it has events: one that is slow or fails never
touches another, and each hears its events in the order in which they were published.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from metropole_core.contracts.events import Event
from metropole_core.errors import DatabaseAway

log = logging.getLogger("metropole.events")

E = TypeVar("E", bound=Event)

BUDGET = 2.0
"""Seconds that a handler may take for one event."""
MAX_WAITING = 1000
"""Events that may wait for one handler; more are dropped and counted."""
MAX_SUBSCRIPTIONS = 10_000
FAILURES = 5
"""Failures in a row after which a handler of a plugin is left out for `SUSPENDED` seconds; the
first one afterwards leaves it out again. Those of the core are never left out."""
SUSPENDED = 60.0
CORE = "core"


class _Subscription:
    __slots__ = (
        "budget",
        "dropped",
        "failed",
        "handler",
        "kind",
        "owner",
        "suspended_until",
        "task",
        "waiting",
    )

    def __init__(
        self,
        kind: type[Event],
        handler: Callable[[Any], Awaitable[None]],
        owner: str,
        budget: float,
    ) -> None:
        self.kind = kind
        self.handler = handler
        self.owner = owner
        self.budget = budget
        self.waiting: deque[Event] = deque()
        self.task: asyncio.Task[None] | None = None
        self.dropped = 0
        self.failed = 0
        self.suspended_until = float("-inf")

    def put(self, event: Event) -> None:
        if asyncio.get_running_loop().time() < self.suspended_until:
            return
        if len(self.waiting) >= MAX_WAITING:
            self.dropped += 1
            if self.dropped == 1:
                log.error(
                    "a handler of %s is too slow: %d events wait, the newest are dropped",
                    self.owner,
                    MAX_WAITING,
                )
            return
        self.waiting.append(event)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(
                self._drain(), name=f"event:{self.owner}:{self.kind.__name__}"
            )

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self.waiting:
                event = self.waiting.popleft()
                began = loop.time()
                try:
                    async with asyncio.timeout(self.budget):
                        await self.handler(event)
                    took = loop.time() - began
                    if took > self.budget:  # what never awaits cannot be interrupted
                        log.error("%s blocked the site for %.1f s", self.owner, took)
                        self._count()
                    else:
                        self.failed = 0
                except TimeoutError:
                    self._count()
                    log.error(
                        "%s took longer than %g s for %s",
                        self.owner,
                        self.budget,
                        type(event).__name__,
                    )
                except DatabaseAway as error:
                    log.info("%s missed %s: %s", self.owner, type(event).__name__, error.sentence)
                except Exception:
                    self._count()
                    log.exception("%s failed at %s", self.owner, type(event).__name__)
            self.dropped = 0
        finally:
            self.task = None

    def _count(self) -> None:
        self.failed += 1
        if self.owner == CORE or self.failed < FAILURES:
            return
        self.failed = FAILURES - 1
        self.suspended_until = asyncio.get_running_loop().time() + SUSPENDED
        self.waiting.clear()
        log.error(
            "%s hears no more of %s for %g s, because it kept failing",
            self.owner,
            self.kind.__name__,
            SUSPENDED,
        )


class EventBus:
    """`contracts.context.Events`, and views of it for plugins.

    Arguments:
        budget: seconds that a handler may take for one event.
    """

    def __init__(self, budget: float = BUDGET) -> None:
        self._budget = budget
        self._subscriptions: list[_Subscription] = []

    def publish(self, event: Event) -> None:
        """Tell everyone; returns at once."""
        for subscription in self._subscriptions:
            if isinstance(event, subscription.kind):
                subscription.put(event)

    def subscribe(
        self, kind: type[E], handler: Callable[[E], Awaitable[None]], owner: str = CORE
    ) -> None:
        """Hear of events of that kind.

        Raises:
            RuntimeError: there are `MAX_SUBSCRIPTIONS` already.
        """
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise RuntimeError(f"{owner}: too many subscriptions")
        self._subscriptions.append(_Subscription(kind, handler, owner, self._budget))

    def drop(self, owner: str) -> None:
        """Forget the subscriptions of a plugin, and what waits for them."""
        for subscription in [s for s in self._subscriptions if s.owner == owner]:
            self._subscriptions.remove(subscription)
            subscription.waiting.clear()
            if subscription.task is not None:
                subscription.task.cancel()

    async def settle(self, within: float = 5.0) -> None:
        """Wait until every event that was published so far was handled.

        Raises:
            TimeoutError: that took longer than `within` seconds.
        """
        async with asyncio.timeout(within):
            while tasks := [s.task for s in self._subscriptions if s.task is not None]:
                await asyncio.wait(tasks)

    async def stop(self) -> None:
        """Forget everything and end the tasks."""
        tasks = [s.task for s in self._subscriptions if s.task is not None]
        self._subscriptions.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)

    def view(self, owner: str) -> EventsView:
        """The bus as one plugin sees it."""
        return EventsView(self, owner)


class EventsView:
    """`contracts.context.Events` of one plugin: its subscriptions carry its name."""

    def __init__(self, bus: EventBus, owner: str) -> None:
        self._bus = bus
        self._owner = owner

    def publish(self, event: Event) -> None:
        self._bus.publish(event)

    def subscribe(self, kind: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        self._bus.subscribe(kind, handler, self._owner)
