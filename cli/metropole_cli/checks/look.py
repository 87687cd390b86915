"""Takes many looks at once. One that crashes or hangs is a finding, and holds nobody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from metropole_core.contracts.checks import Finding, Level

BUDGET = 5.0
"""Seconds that a look may take."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look.

    Fields:
        group: heading under which its findings stand.
        subject: what is looked at.
        code: for its findings when it crashes or hangs, and for those that have none.
        run: looks. It may block: it runs in a thread of its own.
    """

    group: str
    subject: str
    code: str
    run: Callable[[], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and the heading it stands under."""

    group: str
    finding: Finding


def take(looks: Sequence[Look], budget: float = BUDGET) -> list[Found]:
    """Take all looks at once; returns after `budget` seconds at the latest."""
    results: dict[int, Sequence[Finding]] = {}
    threads = [
        # Daemons: a look that hangs must not keep the command from ending.
        threading.Thread(target=_run, args=(look, number, results), daemon=True)
        for number, look in enumerate(looks)
    ]
    deadline = time.monotonic() + budget
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found = []
    for number, look in enumerate(looks):
        findings = results.get(number) or [late(look.subject, look.code, budget)]
        found += [Found(look.group, named(finding, look.code)) for finding in findings]
    return found


def _run(look: Look, number: int, results: dict[int, Sequence[Finding]]) -> None:
    try:
        results[number] = look.run()
    except BaseException as error:
        results[number] = [crashed(look.subject, look.code, error)]


def named(finding: Finding, code: str) -> Finding:
    """The finding with a code in any case."""
    return finding if finding.code else replace(finding, code=code)


def late(subject: str, code: str, seconds: float) -> Finding:
    """A look that did not come back."""
    return Finding(
        Level.WARNING,
        subject,
        f"could not be looked at within {seconds:g} s",
        "Run the doctor again when the machine is less busy; if it stays so, something hangs.",
        f"{code}_late",
    )


def crashed(subject: str, code: str, error: BaseException) -> Finding:
    """A look that raised."""
    sentence = getattr(error, "sentence", None)
    return Finding(
        Level.WARNING,
        subject,
        sentence or f"the check failed: {error!r}"[:500],
        "" if sentence else "Report it to its author.",
        f"{code}_crashed",
    )
