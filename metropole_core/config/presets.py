"""Rungs of the ladder as operators write them: names of the table here, or tables of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from metropole_core.config import amounts
from metropole_core.contracts.ladder import Preset

Written = str | dict[str, Any]

PRESETS = {
    preset.name: preset
    for preset in (
        Preset("4320p", 4320, 60.0, 30_000_000),
        Preset("2160p", 2160, 60.0, 14_000_000),
        Preset("1440p", 1440, 60.0, 8_000_000),
        Preset("1080p", 1080, 60.0, 4_500_000),
        Preset("720p", 720, 60.0, 2_500_000),
        Preset("480p", 480, 30.0, 1_400_000),
        Preset("360p", 360, 30.0, 700_000),
        Preset("audio", 0, 0.0, 0),
    )
}
"""Neighbours are at most about 2.5 apart in bitrate: players that step down must not fall."""

USUAL: tuple[str, ...] = ("2160p", "1440p", "1080p", "720p", "480p", "360p", "audio")
"""Wide: what a machine cannot encode is left out when it is planned."""

NAME = re.compile(r"[a-z0-9]{1,20}")
KEYS = {"name", "height", "frame_rate", "bitrate"}
MOST = 15
MAX_HEIGHT, MAX_FRAME_RATE = 4320, 240.0


def split(value: object) -> object:
    """A list given with commas or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def check(written: list[Written]) -> list[Written]:
    """The same, if all of it can be read.

    Raises:
        ValueError: the sentence says what would be right.
    """
    read(written)
    return written


def read(written: Sequence[Written]) -> tuple[Preset, ...]:
    """The presets. Raises as `check`."""
    found = tuple(_one(each) for each in written)
    names = [preset.name for preset in found]
    if len(set(names)) != len(names):
        raise ValueError("each name may stand there once")
    if len(found) > MOST:
        raise ValueError(f"at most {MOST} are possible")
    return found


def _one(written: Written) -> Preset:
    if isinstance(written, str):
        if written not in PRESETS:
            raise ValueError(
                f'there is no preset "{written[:40]}"; there are {", ".join(PRESETS)}, or a table '
                "of your own: {name, height, frame_rate, bitrate}"
            )
        return PRESETS[written]
    if unknown := set(written) - KEYS:
        raise ValueError(f"a preset has no `{min(unknown)}`, only {', '.join(sorted(KEYS))}")
    if missing := {"name", "height", "bitrate"} - set(written):
        raise ValueError(f"a preset needs `{min(missing)}`")
    name = written["name"]
    if not isinstance(name, str) or not NAME.fullmatch(name) or name == "source":
        raise ValueError('a name is of a-z and 0-9, at most 20 characters, and not "source"')
    try:
        height, bits = amounts.height(written["height"]), amounts.bitrate(written["bitrate"])
        rate = float(written.get("frame_rate", 60))
    except (TypeError, ValueError) as error:
        raise ValueError(f"preset {name}: {error}") from None
    if not 64 <= height <= MAX_HEIGHT:
        raise ValueError(f"preset {name}: `height` is from 64 to {MAX_HEIGHT}")
    if not 1 <= rate <= MAX_FRAME_RATE:
        raise ValueError(f"preset {name}: `frame_rate` is from 1 to {MAX_FRAME_RATE:g}")
    if not 50_000 <= bits <= 200_000_000:
        raise ValueError(f'preset {name}: `bitrate` is from "50k" to "200M"')
    return Preset(name, height, rate, bits)
