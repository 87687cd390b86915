"""What encoders and drivers complain about, turned into sentences that an operator can act on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


class Cannot(Exception):
    """A worker cannot go on; the message is a sentence for the operator."""


def sentence_of(error: Exception) -> str:
    """What the operator is told about an exception in a worker."""
    if isinstance(error, Cannot):
        return str(error)
    if isinstance(error, MemoryError):
        return "The worker got no more memory."
    return f"The worker failed: {type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint that is known.

    Fields:
        pattern: regular expression that is searched for in a line.
        words: what to say; {0}, {1} stand for what the groups of the pattern found.
    """

    pattern: str
    words: str


def find(table: Sequence[Complaint], lines: Sequence[str]) -> str:
    """The words of the first complaint of the table that is in one of the lines; "" for none."""
    for complaint in table:
        for line in lines:
            found = re.search(complaint.pattern, line)
            if found:
                return complaint.words.format(*found.groups())
    return ""
