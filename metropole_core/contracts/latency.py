"""How close to live a channel is played."""

from __future__ import annotations

from enum import Enum


class Latency(str, Enum):
    """The creator's choice for a channel: less delay, or more reserve against a bad line."""

    NORMAL = "normal"
    """Seconds of reserve: for lectures and services, and for viewers on bad lines."""
    LOW = "low"
    """The usual: quick enough to talk with the chat."""
    ULTRA_LOW = "ultra_low"
    """As little as the line allows: for auctions, quizzes, remote play."""
