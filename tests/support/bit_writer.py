"""Writes bits, so that tests can make up what no encoder here sends."""

from __future__ import annotations


class Bits:
    """Fields one behind the other: `Bits().u(4, 8).ue(3).octets()`."""

    def __init__(self, bits: str = "") -> None:
        self.bits = bits

    def u(self, *fields: int) -> Bits:
        """Pairs of value and size: `u(value, size, value, size, ...)`."""
        for value, size in zip(fields[::2], fields[1::2], strict=True):
            self.bits += f"{value:0{size}b}" if size else ""
        return self

    def ue(self, *values: int) -> Bits:
        """Unsigned Exp-Golomb."""
        for value in values:
            digits = f"{value + 1:b}"
            self.bits += "0" * (len(digits) - 1) + digits
        return self

    def se(self, *values: int) -> Bits:
        """Signed Exp-Golomb."""
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def raw(self, bits: str) -> Bits:
        """As it stands."""
        self.bits += bits
        return self

    def octets(self) -> bytes:
        """With a stop bit and zeros up to the next octet."""
        bits = self.bits + "1"
        size = -(-len(bits) // 8)
        return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")
