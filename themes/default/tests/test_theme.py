"""The theme as a plugin, and the one rule of its style sheets: tokens.css is the only place with
raw colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from metropole_theme_default.plugin import Plugin

from metropole_core.testing.conformance import check_registers

SOURCES = Path(__file__).parents[1] / "frontend" / "src"
SHEETS = sorted(path.name for path in SOURCES.glob("*.css"))
RAW = re.compile(r"(?<![\w-])(oklch|oklab|rgba?|hsla?|lab|lch)\(|#[0-9a-fA-F]{3,8}\b")
OF_A_PERSON = re.compile(r"oklch\([\d.]+ [\d.]+ var\(--hue\)\)")
"""A chat name's hue is its bearer's; only lightness and chroma stand here."""


def test_it_hands_over_its_look() -> None:
    themes: list[object] = []
    Plugin().register_theme(themes.append)
    assert len(themes) == 1
    check_registers("register_theme", themes[0])


@pytest.mark.parametrize("name", [name for name in SHEETS if name not in ("tokens.css",)])
def test_only_tokens_hold_raw_colours(name: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (SOURCES / name).read_text("utf-8"), flags=re.S)
    text = re.sub(r"U\+[0-9A-F-]+|url\([^)]*\)", "", text)
    assert not RAW.findall(OF_A_PERSON.sub("", text))


@pytest.mark.parametrize("name", SHEETS)
def test_each_token_that_is_used_is_made(name: str) -> None:
    made = set(re.findall(r"(--[\w-]+)\s*:", "".join(p.read_text() for p in SOURCES.glob("*.css"))))
    text = (SOURCES / name).read_text("utf-8")
    missing = {
        token for token, fallback in re.findall(r"var\((--[\w-]+)(,)?", text) if not fallback
    } - made
    assert not missing


def test_every_sheet_is_part_of_the_theme() -> None:
    imported = re.findall(r'@import "\./([\w-]+\.css)"', (SOURCES / "theme.css").read_text())
    assert sorted([*imported, "theme.css"]) == SHEETS


def test_colours_of_both_schemes_are_named_together() -> None:
    text = (SOURCES / "tokens.css").read_text()
    for token in ("bg", "surface-1", "text", "text-2", "text-3", "accent", "live", "good", "warn"):
        assert re.search(rf"--{token}: light-dark\(", text), token
