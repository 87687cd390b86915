"""The open bitstream units of AV1, one behind the other.

Source: AV1 Bitstream & Decoding Process Specification sections 4.10.5 (leb128), 5.3 (OBU header).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, METADATA, FRAME = 1, 2, 3, 5, 6
TILE_LIST, PADDING = 8, 15
MAX_OBUS = 1024
"""Units of a frame."""
FORBIDDEN, EXTENSION, HAS_SIZE = 0x80, 4, 2
MAX_LEB128 = 8


@dataclass(frozen=True, slots=True)
class Obu:
    """One unit.

    Fields:
        kind: obu_type.
        start, payload, end: where it, what it holds, and the unit behind it begin.
    """

    kind: int
    start: int
    payload: int
    end: int


def walk(data: bytes | memoryview) -> Iterator[Obu]:
    """The units, up to the first that cannot be read."""
    at, size = 0, len(data)
    for _ in range(MAX_OBUS):
        if at >= size or data[at] & FORBIDDEN:
            return
        head = data[at]
        payload = at + (2 if head & EXTENSION else 1)
        end = size
        if head & HAS_SIZE:
            length, payload = _leb128(data, payload)
            end = payload + length
        if payload > size or end > size:
            return
        yield Obu(head >> 3 & 15, at, payload, end)
        at = end


def sized(kind: int, payload: bytes | memoryview) -> bytes:
    """A unit without extension that says its size."""
    return bytes((kind << 3 | HAS_SIZE,)) + _as_leb128(len(payload)) + bytes(payload)


def _leb128(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """A number and where it ends; behind the end of the data when it is cut off."""
    value = 0
    for index in range(MAX_LEB128):
        if at + index >= len(data):
            break
        octet = data[at + index]
        value |= (octet & 0x7F) << (7 * index)
        if not octet & 0x80:
            return value, at + index + 1
    return 0, len(data) + 1


def _as_leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
