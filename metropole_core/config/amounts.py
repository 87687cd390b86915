"""Amounts as people write them: "8M" bit/s, "4h", "1GiB"."""

from __future__ import annotations

import re

MAX = 1 << 53
"""Larger bitrates and sizes are a slip of the finger."""
MAX_SMALL = (1 << 31) - 1
"""Larger heights and durations, likewise; the database holds no more."""

_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z/]*)\s*")
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")

_BITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_OCTETS = _BITS | {"t": 10**12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}

BITRATE_HELP = 'must be bit/s, such as 6000000 or "6M"'
OCTETS_HELP = 'must be octets, such as 500000000 or "500M" or "1GiB"'
SECONDS_HELP = 'must be seconds, such as 14400 or "4h" or "1h30m"'
HEIGHT_HELP = 'must be pixels of the shorter side, such as 1080 or "1080p"'


def bitrate(value: object) -> int:
    """Bit/s of 6000000, "6M", "6 Mbit/s".

    Raises:
        ValueError: it is none.
    """
    return _scaled(value, _BITS, ("bit/s", "bps", "bit"), BITRATE_HELP)


def octets(value: object) -> int:
    """Octets of 1000000, "1M", "1 MB", "1MiB". Raises as `bitrate`."""
    return _scaled(value, _OCTETS, ("b",), OCTETS_HELP)


def height(value: object) -> int:
    """Pixels of 1080, "1080", "1080p". Raises as `bitrate`."""
    if isinstance(value, str):
        value = value.strip().lower().removesuffix("p")
    return _scaled(value, {"": 1}, (), HEIGHT_HELP, MAX_SMALL)


def seconds(value: object) -> int:
    """Seconds of 14400, "4h", "1h 30m". Raises as `bitrate`."""
    if not isinstance(value, str) or value.strip().isdecimal():
        return _scaled(value, {"": 1}, (), SECONDS_HELP, MAX_SMALL)
    text, total, at = value.strip().lower(), 0.0, 0
    while at < len(text):
        found = _TIME.match(text, at)
        if found is None or found[2] not in _SECONDS:
            raise ValueError(SECONDS_HELP)
        total += float(found[1]) * _SECONDS[found[2]]
        at = found.end()
    if not text or total > MAX_SMALL:
        raise ValueError(SECONDS_HELP)
    return round(total)


def _scaled(
    value: object, factors: dict[str, int], tails: tuple[str, ...], help_: str, most: int = MAX
) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value) if isinstance(value, int) else f"{value:f}"
    found = _NUMBER.fullmatch(value) if isinstance(value, str) and len(value) <= 40 else None
    if found is None:
        raise ValueError(help_)
    unit = found[2].lower()
    for tail in tails:
        if unit.endswith(tail):
            unit = unit.removesuffix(tail)
            break
    if unit not in factors:
        raise ValueError(help_)
    amount = round(float(found[1]) * factors[unit])
    if amount > most:
        raise ValueError(help_)
    return amount
