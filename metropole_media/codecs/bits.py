"""Bits of a codec's configuration, read from the most significant one on."""

from __future__ import annotations

from metropole_media.codecs.errors import BadRecord

MAX_LEADING_ZEROS = 31
WINDOW = 64
"""Bits looked at for a number whose length is not known: more than the longest has."""


class BitReader:
    """Reads fixed-length and Exp-Golomb fields. A field costs the same wherever it stands.

    Every method raises `BadRecord` when the record ends too early.
    """

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at, self._end = 0, len(data) * 8

    @property
    def left(self) -> int:
        """Bits not yet read."""
        return self._end - self._at

    def read(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        at = self._at
        end = at + count
        if end > self._end:
            raise BadRecord("The codec configuration is cut off.")
        self._at = end
        value = int.from_bytes(self._data[at >> 3 : (end + 7) >> 3], "big")
        return value >> (-end & 7) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.read(1) == 1

    def ue(self) -> int:
        """Unsigned Exp-Golomb, ue(v) of ITU-T H.264 section 9.1."""
        zeros = self._zeros()
        if zeros > MAX_LEADING_ZEROS:
            raise BadRecord("The codec configuration holds a number that is too large.")
        return self.read(2 * zeros + 1) - 1

    def se(self) -> int:
        """Signed Exp-Golomb, se(v) of ITU-T H.264 section 9.1.1."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)

    def uvlc(self) -> int:
        """uvlc() of the AV1 specification, section 4.10.3: like ue(v), but with 32 zeros or more
        it is the largest number."""
        zeros = self._zeros()
        if zeros <= MAX_LEADING_ZEROS:
            return self.read(2 * zeros + 1) - 1
        if zeros == WINDOW:  # nobody writes so many, and to walk through them takes long
            raise BadRecord("The codec configuration holds a number that is too large.")
        self.read(zeros + 1)
        return (1 << 32) - 1

    def _zeros(self) -> int:
        """Bits of 0 that come next; more than `MAX_LEADING_ZEROS` are not counted on."""
        size = min(WINDOW, self._end - self._at)
        at, value = self._at, self.read(size)
        self._at = at
        if not value and size <= MAX_LEADING_ZEROS:
            raise BadRecord("The codec configuration is cut off.")
        return size - value.bit_length()
