"""Whether a message may be said: the core's guards, then the channel's chat modes.

Modes are asked by stage and, within a stage, by name. `check` of each sees what the ones before
it made of the text. Only when all allow, `accepted` runs on all, so a message that one refuses is
not charged by another. A mode has 50 ms for each call. One that keeps failing or overrunning is
left out for a minute, and the operator reads so in the log.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from pydantic import BaseModel

from metropole_core.chat.text import clean
from metropole_core.contracts.chat_mode import Allow, ChatMode, Draft, Reject, Transform
from metropole_core.contracts.context import Clock
from metropole_core.errors import Invalid

log = logging.getLogger("metropole.chat")

T = TypeVar("T")

BUDGET = 0.05
"""Seconds for each call of a mode or guard."""
FAILURES = 5
"""Failures in a row after which a mode is suspended."""
SUSPENDED = 60.0
"""Seconds of it. The first failure afterwards suspends it again."""
MAX_REASON = 200
"""Characters of a mode's reason."""
MAX_WAIT = 7 * 24 * 3600.0
"""Seconds: longer waits of a mode are cut."""

Guard: TypeAlias = Callable[[Draft], Awaitable[Reject | None]]
"""Asked before all modes: the core's sanctions. Fails closed."""


@dataclass(frozen=True, slots=True)
class ActiveMode:
    """A mode that is on in the channel, with its settings there."""

    mode: ChatMode
    settings: BaseModel


@dataclass(frozen=True, slots=True)
class Passed:
    """All allow. `text` is what is to be said."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`code` is the mode's name, "guard" for the core's own."""

    code: str
    reason: str
    retry_after: float | None


@dataclass(slots=True)
class Health:
    """How a mode does. `row`: failures in a row; the others are totals."""

    calls: int = 0
    failed: int = 0
    overran: int = 0
    row: int = 0
    suspended_until: float = 0.0


class _Failed(Exception):
    """A mode gave no usable answer."""


class Pipeline:
    """Asks guards and modes.

    Arguments:
        budget: seconds for each call.
    """

    def __init__(self, clock: Clock, budget: float = BUDGET) -> None:
        self._clock = clock
        self._budget = budget
        self._health: dict[str, Health] = {}

    def health(self, mode: str) -> Health:
        """How that mode does; by its name."""
        return self._health.setdefault(mode, Health())

    async def check(
        self, draft: Draft, guards: Sequence[Guard], modes: Sequence[ActiveMode]
    ) -> Passed | Refused:
        """Ask everyone in turn; the first refusal counts. Changes nothing.

        Arguments:
            modes: in the order of asking.
        """
        for guard in guards:
            refused = await self._ask_guard(guard, draft)
            if refused is not None:
                return refused
        for active in modes:
            answer = await self._ask(active, draft)
            if isinstance(answer, Refused):
                return answer
            draft = dataclasses.replace(draft, text=answer.text)
        return Passed(draft.text)

    async def accepted(self, draft: Draft, modes: Sequence[ActiveMode]) -> float | None:
        """Tell all modes that the message will be said. Returns the seconds until the sender may
        speak again, the longest of all; None when none says any."""
        longest: float | None = None
        for active in modes:
            if self._is_suspended(active.mode):
                continue
            try:
                wait = await self._call(
                    active.mode, "accepted", active.mode.accepted(draft, active.settings), _wait
                )
            except _Failed:
                continue
            if wait is not None and (longest is None or wait > longest):
                longest = wait
        return longest

    async def _ask_guard(self, guard: Guard, draft: Draft) -> Refused | None:
        try:
            async with asyncio.timeout(self._budget):
                verdict = await guard(draft)
        except Exception:
            log.exception("a guard of the chat failed, so nothing may be said")
            return Refused("guard", "The chat cannot take messages right now. Try again soon.", 5.0)
        if verdict is None:
            return None
        return Refused("guard", verdict.reason[:MAX_REASON], verdict.retry_after)

    async def _ask(self, active: ActiveMode, draft: Draft) -> Passed | Refused:
        mode = active.mode
        if self._is_suspended(mode):
            left = self.health(mode.name).suspended_until - self._clock.monotonic()
            return self._without(mode, draft, left)
        try:
            return await self._call(
                mode, "check", mode.check(draft, active.settings), lambda v: _answer(mode, draft, v)
            )
        except _Failed:
            return self._without(mode, draft, 5.0)

    def _without(self, mode: ChatMode, draft: Draft, retry_after: float) -> Passed | Refused:
        if mode.fail_open:
            return Passed(draft.text)
        return Refused(
            mode.name, f"{mode.title} does not work right now. Try again soon.", retry_after
        )

    async def _call(
        self, mode: ChatMode, what: str, call: Awaitable[object], read: Callable[[object], T]
    ) -> T:
        health = self.health(mode.name)
        health.calls += 1
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._budget):
                answer = await call
            result = read(answer)
        except TimeoutError:
            health.overran += 1
            self._failed(mode, f"{what} took longer than {self._budget * 1000:g} ms")
            raise _Failed from None
        except Exception as error:
            health.failed += 1
            self._failed(mode, f"{what} failed: {error!r}", error)
            raise _Failed from None
        # What never awaits cannot be interrupted; its answer counts, and the time is held
        # against it.
        took = self._clock.monotonic() - began
        if took > self._budget:
            health.overran += 1
            self._failed(mode, f"{what} blocked the site for {took * 1000:.0f} ms")
        else:
            health.row = 0
        return result

    def _is_suspended(self, mode: ChatMode) -> bool:
        return self._clock.monotonic() < self.health(mode.name).suspended_until

    def _failed(self, mode: ChatMode, sentence: str, error: Exception | None = None) -> None:
        health = self.health(mode.name)
        health.row += 1
        if health.row == 1:
            log.error("chat mode %s: %s", mode.name, sentence, exc_info=error)
        if health.row >= FAILURES:
            health.row = FAILURES - 1
            health.suspended_until = self._clock.monotonic() + SUSPENDED
            log.error(
                "chat mode %s is left out for %g s, because it kept failing (%s); messages %s "
                "meanwhile",
                mode.name,
                SUSPENDED,
                sentence,
                "pass without it" if mode.fail_open else "are refused where it is on",
            )


def _answer(mode: ChatMode, draft: Draft, verdict: object) -> Passed | Refused:
    if isinstance(verdict, Allow):
        return Passed(draft.text)
    if isinstance(verdict, Reject):
        return Refused(mode.name, verdict.reason[:MAX_REASON], _wait(verdict.retry_after))
    if isinstance(verdict, Transform):
        try:
            return Passed(clean(verdict.text))
        except Invalid as error:
            raise ValueError(f"the text it made is refused: {error.sentence}") from None
    raise TypeError(f"check returned {verdict!r}, not Allow, Reject or Transform")


def _wait(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and value >= 0:
        return min(float(value), MAX_WAIT)
    raise TypeError(f"{value!r} is not a number of seconds")
