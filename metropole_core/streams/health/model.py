"""What a creator is shown of a stream's health."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from metropole_core.limits.words import Sentence
from metropole_media.health import Report, Severity


class Level(str, Enum):
    """The traffic light."""

    NONE = "none"
    """No encoder is connected."""
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Told:
    """One finding, in words.

    Fields:
        code: stable word for programs; `docs/how-to/stream-health.md` lists them.
        words: what is wrong and what to do.
    """

    code: str
    severity: Severity
    words: Sentence


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """A channel's stream at the last look.

    Fields:
        name: the channel's.
        level: the worst of what was found.
        report: what was measured.
        findings: the worst first.
        version: grows when a page has to write something anew: findings, tracks, the light.
        bitrates: bit/s of each of the last 60 seconds, oldest first.
    """

    name: str
    level: Level
    report: Report
    findings: tuple[Told, ...]
    version: int
    bitrates: tuple[int, ...]


def level_of(report: Report, findings: tuple[Told, ...]) -> Level:
    """The traffic light; hints leave it green."""
    if not report.publishing:
        return Level.NONE
    worst = max((each.severity for each in findings), default=Severity.HINT)
    return {Severity.BAD: Level.BAD, Severity.WARNING: Level.WARNING}.get(worst, Level.GOOD)
