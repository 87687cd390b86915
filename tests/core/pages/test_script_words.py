"""Scripts and catalogue agree: every sentence that scripts say can be translated, none is left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metropole_core.pages.words import SCRIPT_WORDS

SOURCES = Path(__file__).parents[3] / "metropole_core" / "frontend" / "src"
LITERAL = r'"((?:[^"\\]|\\.)*)"'
ONE = re.compile(rf"\bt\(\s*{LITERAL}")
TWO = re.compile(rf"\btn\(\s*{LITERAL},\s*{LITERAL}")


def said() -> set[str]:
    found: set[str] = set()
    for file in SOURCES.rglob("*.ts"):
        text = file.read_text("utf-8")
        found.update(match[1] for match in ONE.finditer(text))
        for match in TWO.finditer(text):
            found.update(match.groups())
    return found


@pytest.fixture(scope="module")
def words() -> set[str]:
    found = said()
    assert "The creator is reconnecting…" in found, "the scan finds nothing any more"
    return found


def test_every_sentence_of_the_scripts_is_in_the_catalogue(words: set[str]) -> None:
    assert words - set(SCRIPT_WORDS) == set()


def test_the_catalogue_holds_nothing_that_no_script_says(words: set[str]) -> None:
    assert set(SCRIPT_WORDS) - words == set()
    assert len(SCRIPT_WORDS) == len(set(SCRIPT_WORDS))
