"""Bits of a codec's configuration, read from the most significant one on."""

from __future__ import annotations

from metropole_media.codecs.errors import BadRecord

MAX_LEADING_ZEROS = 31


class BitReader:
    """Reads fixed-length and Exp-Golomb fields. Made for records of at most some hundred bytes.

    Every method raises `BadRecord` when the record ends too early.
    """

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    @property
    def left(self) -> int:
        """Bits not yet read."""
        return self._left

    def read(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        if count > self._left:
            raise BadRecord("The codec configuration is cut off.")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.read(1) == 1

    def ue(self) -> int:
        """Unsigned Exp-Golomb, ue(v) of ITU-T H.264 section 9.1."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > MAX_LEADING_ZEROS:
                raise BadRecord("The codec configuration holds a number that is too large.")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb, se(v) of ITU-T H.264 section 9.1.1."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)

    def uvlc(self) -> int:
        """uvlc() of the AV1 specification, section 4.10.3: like ue(v), but with 32 zeros or more
        it is the largest number."""
        zeros = 0
        while not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros) if zeros < 32 else (1 << 32) - 1
