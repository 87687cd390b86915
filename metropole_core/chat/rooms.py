"""Who is in a room, by person: several tabs of one person are one presence.

Joins and leaves are gathered and told in one piece, so that a reload is nothing and a raid one
line. Guests count, but have neither a line in the list nor a colour: they cannot speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from metropole_core.chat.colours import Colours, preferred
from metropole_core.contracts.channels import Person

GATHER_SECONDS = 0.25
"""How long joins and leaves are gathered."""
MAX_TOLD = 50
"""People named in one change, each way; the count is right all the same."""
MAX_LISTED = 200
"""People named to one who comes in."""


@dataclass(frozen=True, slots=True)
class Present:
    """Someone in the room."""

    key: str
    name: str
    hue: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who came and went since the last change.

    Fields:
        joined, left: accounts only, at most `MAX_TOLD` each.
        count: everyone who is there now, guests too.
    """

    joined: tuple[Present, ...]
    left: tuple[str, ...]
    count: int


@dataclass(slots=True)
class _Stay:
    present: Present
    is_guest: bool
    sockets: int


class Presence:
    """The people of one room."""

    def __init__(self) -> None:
        self._stays: dict[str, _Stay] = {}
        self._joined: dict[str, Present] = {}
        self._leaving: set[str] = set()
        self._colours = Colours()
        self._told = 0

    def __len__(self) -> int:
        return len(self._stays) - len(self._leaving)

    @property
    def is_empty(self) -> bool:
        """Nobody is there and nothing is left to tell."""
        return not self._stays

    def enter(self, person: Person) -> Present:
        """One more socket of that person."""
        stay = self._stays.get(person.key)
        if stay is not None:
            stay.sockets += 1
            self._leaving.discard(person.key)
            return stay.present
        is_guest = person.user_id is None
        hue = preferred(person.key) if is_guest else self._colours.take(person.key)
        present = Present(person.key, person.name, hue)
        self._stays[person.key] = _Stay(present, is_guest, 1)
        if not is_guest:
            self._joined[person.key] = present
        return present

    def leave(self, key: str) -> None:
        """One socket less. The last one's person has left when the change is told; until then
        they keep their colour."""
        stay = self._stays.get(key)
        if stay is None or not stay.sockets:
            return
        stay.sockets -= 1
        if stay.sockets:
            return
        if key in self._joined:
            del self._joined[key]
            self._forget(key)
        else:
            self._leaving.add(key)

    def hue(self, key: str) -> int | None:
        """The colour of someone present."""
        stay = self._stays.get(key)
        return stay.present.hue if stay is not None else None

    def listed(self) -> list[Present]:
        """Accounts that are here, at most `MAX_LISTED`."""
        here = (
            stay.present
            for key, stay in self._stays.items()
            if not stay.is_guest and key not in self._leaving
        )
        return list(islice(here, MAX_LISTED))

    def take_change(self) -> Change | None:
        """What changed since the last call; None when nothing did."""
        left = []
        for key in self._leaving:
            if not self._stays[key].is_guest:
                left.append(key)
            self._forget(key)
        self._leaving.clear()
        joined, self._joined = self._joined, {}
        count = len(self)
        if not joined and not left and count == self._told:
            return None
        self._told = count
        return Change(tuple(joined.values())[:MAX_TOLD], tuple(left[:MAX_TOLD]), count)

    def _forget(self, key: str) -> None:
        del self._stays[key]
        self._colours.release(key)
