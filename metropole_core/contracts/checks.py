"""Findings of `metropole doctor`: what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How bad it is: a warning works, but not well; an error will not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Fields:
        level: ok, warning (works, but not well) or error (will not work).
        subject: what was looked at ("RTMP port").
        sentence: what was found.
        advice: what to do about it, empty when all is well.
        code: stable word for programs ("rtmp_port_taken"), whatever the sentence says. Left out:
            `Check.name`.
    """

    level: Level
    subject: str
    sentence: str
    advice: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A look before going live, registered with `register_checks`.

    Fields:
        name: unique within the plugin.
        run: looks, and says what it found; an exception is a finding too. Must not change
            anything, nor block: what takes long is awaited. Budget 5 s.
    """

    name: str
    run: Callable[[], Awaitable[list[Finding]]]
