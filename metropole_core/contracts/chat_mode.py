"""Chat modes: a policy for messages in a room, with typed settings and state.

A message passes the core's sanctions, then the channel's enabled modes by stage and, within a
stage, by name. `check` decides and changes nothing. Once all allow, `accepted` runs on all, so
that a message which one mode refuses is not charged by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol, TypeAlias

from pydantic import BaseModel

from metropole_core.contracts.channels import ChannelRef, Person


class Stage(IntEnum):
    """When a mode is asked."""

    PERMISSION = 1
    CONTENT = 2
    PACE = 3
    HOLD = 4


@dataclass(frozen=True, slots=True)
class Sender:
    """Who speaks.

    Fields:
        person: account or guest.
        is_owner, is_moderator: in this channel. Owners count as moderators too.
        followed_for: seconds since they followed the channel, None when they do not.
    """

    person: Person
    is_owner: bool
    is_moderator: bool
    followed_for: float | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that wants to be said.

    Fields:
        channel: in whose room.
        sender: who says it.
        text: normalised and within the length limit.
    """

    channel: ChannelRef
    sender: Sender
    text: str


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing against it."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Not now, or not at all: `reason` is shown to the sender; `retry_after` in seconds."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Transform:
    """Say `text` instead."""

    text: str


Verdict: TypeAlias = Allow | Reject | Transform


class ChatMode(Protocol):
    """A policy. Registered with `register_chat_mode`. Budget of each call: 50 ms."""

    name: str
    """Short name: "slow"."""

    title: str
    """For the creator's page: "Slow mode"."""

    description: str
    """One sentence for the creator's page."""

    stage: Stage

    fail_open: bool
    """Whether a message passes when this mode fails or overruns its budget."""

    Settings: ClassVar[type[BaseModel]]
    """A pydantic model whose fields have titles, defaults and bounds; the creator's form is made
    from it."""

    def sentence(self, settings: BaseModel) -> str:
        """What stands above the input while the mode is on: "Slow: one message every 10 s"."""

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        """Decide about a message. Must not change anything."""

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        """The message will be said. Returns the seconds until the sender may speak again, or
        None."""
