"""Each defence in the threat model names a test, and that test exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(named) > 30
    there: set[str] = set()
    for folder in ("tests", "plugins", "themes"):
        for file in (ROOT / folder).rglob("test_*.py"):
            there |= set(re.findall(r"def (test_\w+)\(", file.read_text()))
    assert not named - there, "the threat model names tests that are not there"
