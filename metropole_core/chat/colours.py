"""The colours of names in a room: one's own is stable, and unlike everyone else's there."""

from __future__ import annotations

from hashlib import blake2b

HUES = 360
GAPS = (24, 12, 6, 3, 1)
"""Degrees to the nearest other hue, tried in this order: far apart while there is room."""
_ALL = (1 << HUES) - 1


def preferred(key: str) -> int:
    """The hue of a person when nobody else has it, 0..359."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % HUES


class Colours:
    """The hues taken in one room. A person keeps theirs while present; who comes later moves
    aside. With more than 360 people hues are shared."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._people = [0] * HUES
        self._taken = 0  # bit n: somebody has hue n

    def take(self, key: str) -> int:
        """The person's hue from now on, as near to the preferred one as can be."""
        known = self._of.get(key)
        if known is not None:
            return known
        hue = preferred(key)
        for gap in GAPS:
            free = _ALL & ~_widen(self._taken, gap - 1)
            if free:
                hue = _nearest(free, hue)
                break
        self._of[key] = hue
        self._people[hue] += 1
        self._taken |= 1 << hue
        return hue

    def release(self, key: str) -> None:
        """The person has left."""
        hue = self._of.pop(key, None)
        if hue is None:
            return
        self._people[hue] -= 1
        if not self._people[hue]:
            self._taken &= ~(1 << hue)


def _turn(mask: int, by: int) -> int:
    by %= HUES
    return (mask << by | mask >> (HUES - by)) & _ALL


def _widen(mask: int, by: int) -> int:
    """Every hue within `by` degrees of one in the mask."""
    wide, reach = mask, 0
    while reach < by:
        step = min(reach or 1, by - reach)
        wide |= _turn(wide, step) | _turn(wide, -step)
        reach += step
    return wide


def _nearest(free: int, hue: int) -> int:
    turned = _turn(free, -hue)  # bit 0 is the preferred hue itself
    up = (turned & -turned).bit_length() - 1
    down = HUES - (turned.bit_length() - 1)
    return (hue + up) % HUES if up <= down else (hue - down) % HUES
