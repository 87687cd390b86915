"""What a chat message is, and the ids that order them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec

ALPHABET = "0123456789abcdefghijklmnopqrstuv"
"""RFC 4648 base32hex in lower case: text sorts as the numbers do."""
ID_LENGTH = 16
_COUNTER_BITS = 12
_RANDOM_BITS = 20


class Message(msgspec.Struct, frozen=True):
    """A message as everyone in the room sees it.

    Fields:
        id: sorts by time within the site.
        name: display name when it was said.
        key: `Person.key` of who said it; "gone" when the account was deleted.
        hue: of the name, 0..359 degrees.
        role: "owner", "moderator", "viewer" or "guest".
        at: when, UTC.
    """

    id: str
    name: str
    key: str
    hue: int
    role: str
    text: str
    at: datetime


class MessageIds:
    """Makes ids of 16 characters: 48 bits of milliseconds, a counter within one, and 20 random
    bits that keep several processes apart. Each is greater than the one before, also when the
    clock is set back.

    Arguments:
        time: Unix time in seconds.
        random: a number of so many bits.
    """

    def __init__(
        self, time: Callable[[], float], random: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._time = time
        self._random = random
        self._last = 0

    def next(self) -> str:
        """A new id."""
        tick = (int(self._time() * 1000) & ((1 << 48) - 1)) << _COUNTER_BITS
        self._last = max(tick, self._last + 1)
        return _text(self._last << _RANDOM_BITS | self._random(_RANDOM_BITS))


def _text(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (ID_LENGTH - 1), -1, -5))
