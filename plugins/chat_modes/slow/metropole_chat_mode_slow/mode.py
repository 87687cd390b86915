"""One message in so many seconds from each person."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from metropole_core.contracts.backplane import Shared
from metropole_core.contracts.chat_mode import Allow, Draft, Reject, Sender, Stage, Verdict
from metropole_core.contracts.context import Clock


class SlowSettings(BaseModel):
    """What a creator sets for the channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval_s: int = Field(
        10,
        ge=1,
        le=3600,
        title="Seconds between messages",
        description="How long each person waits after a message, 1 to 3600 seconds.",
    )


class SlowMode:
    """Each person waits after a message; the channel's owner and moderators do not.

    Arguments:
        shared: remembers when each person spoke last, for as long as they wait.
        clock: Unix time, the same for all processes.
    """

    name = "slow"
    title = "Slow mode"
    description = "Each person waits a while after a message. You and your moderators do not."
    stage = Stage.PACE
    fail_open = True
    Settings: ClassVar[type[BaseModel]] = SlowSettings

    def __init__(self, shared: Shared, clock: Clock) -> None:
        self._shared = shared
        self._clock = clock

    def sentence(self, settings: BaseModel) -> str:
        """ "Slow: one message every 10 s"."""
        return f"Slow: one message every {_words(_interval(settings))}"

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        """Reject while the person waits."""
        if _is_exempt(draft.sender):
            return Allow()
        spoke = await self._shared.get(_key(draft))
        if spoke is None:
            return Allow()
        interval = _interval(settings)
        # Counted from the message, so that a creator who shortens the interval helps at once. A
        # clock that was set back must not make anyone wait longer than the interval.
        wait = min(float(spoke) + interval - self._clock.time(), float(interval))
        if wait <= 0:
            return Allow()
        return Reject(f"Slow mode is on. You can write again in {_words(wait)}.", wait)

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        """The person waits from now on."""
        if _is_exempt(draft.sender):
            return None
        interval = float(_interval(settings))
        await self._shared.set(_key(draft), b"%.3f" % self._clock.time(), interval)
        return interval


def _interval(settings: BaseModel) -> int:
    assert isinstance(settings, SlowSettings)
    return settings.interval_s


def _is_exempt(sender: Sender) -> bool:
    return sender.is_owner or sender.is_moderator


def _key(draft: Draft) -> str:
    return f"{draft.channel.id}/{draft.sender.person.key}"


def _words(seconds: float) -> str:
    whole = math.ceil(seconds)
    if whole < 60 or whole % 60:
        return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"
    return f"{whole // 60} min"
