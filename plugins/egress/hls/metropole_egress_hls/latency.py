"""How close to live a stream is played, by the creator's choice: what the packager cuts, what the
playlist tells players, and how far behind ours keep the picture.

A part costs each viewer two requests, so that only who needs the delay gets the short ones. How
far behind was chosen by what a line then survives; docs/explanation/performance.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from metropole_core.contracts.latency import Latency

LEAST_PARTS = 3.2
"""Nobody can be closer to live than so many parts: the one that is being made, the one that is
fetched, the one that plays (RFC 8216bis, section 4.4.3.8)."""
NORMAL_SECONDS, NORMAL_PART = 4.0, 1.0
LOW_SECONDS = 1.2
ULTRA_LOW_SECONDS, ULTRA_LOW_PART = 0.6, 0.1
OVERHEAD_MS = 100
"""From the encoder's octets to a part, and from the decoder to the screen."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One way to play a stream.

    Fields:
        part_seconds: wished duration of a part.
        behind_seconds: how far behind the newest media the picture is kept; players that choose
            for themselves are told not to come closer (PART-HOLD-BACK).
    """

    part_seconds: float
    behind_seconds: float

    @property
    def target_ms(self) -> int:
        """`PlaybackSource.target_ms`"""
        return round(self.behind_seconds * 1000)

    @property
    def latency_ms(self) -> int:
        """`PlaybackSource.latency_ms`"""
        return self.target_ms + OVERHEAD_MS


def pace(latency: Latency, part_seconds: float) -> Pace:
    """How a broadcast is cut and played.

    Arguments:
        latency: what its creator chose.
        part_seconds: the operator's duration of a part, which is that of `Latency.LOW`.
    """
    part, behind = part_seconds, LOW_SECONDS
    if latency is Latency.NORMAL:
        part, behind = max(part, NORMAL_PART), NORMAL_SECONDS
    elif latency is Latency.ULTRA_LOW:
        part, behind = min(part, ULTRA_LOW_PART), ULTRA_LOW_SECONDS
    return Pace(part, max(behind, part * LEAST_PARTS))
