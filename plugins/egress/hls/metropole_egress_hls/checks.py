"""What the doctor looks at: whether the player's script was built."""

from __future__ import annotations

import json
from pathlib import Path

from metropole_core.contracts.checks import Finding, Level

SUBJECT = "HLS player"
MISSING = "player_missing"
ENTRY = "src/engine.ts"
ADVICE = "Install the plugin from its wheel, or run `make assets` in a checkout."


def check_assets(folder: Path) -> Finding:
    """Whether the manifest names the engine, and the file is there."""
    manifest = folder / "manifest.json"
    try:
        built = json.loads(manifest.read_text(encoding="utf-8"))[ENTRY]["file"]
        there = isinstance(built, str) and (folder / built).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        there = False
    if not there:
        return Finding(Level.ERROR, SUBJECT, "the player's script is missing", ADVICE, MISSING)
    return Finding(Level.OK, SUBJECT, "the player's script is there", code="player")
