"""NAL units, as H.264 and HEVC share them: emulation prevention, and the messages of an SEI unit.

Source: ITU-T H.264 sections 7.3.1, 7.3.2.3.1, 7.4.1; ITU-T H.265 sections 7.3.1.1, 7.3.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAX_NAL_UNITS = 1024
"""NAL units of a frame."""
MAX_SETS = 16
"""Parameter sets looked at in a frame."""
MAX_SET_OCTETS = 4096
"""Of a parameter set inside a frame; longer ones are none that a decoder could use."""
MAX_SEI_UNITS = 16
"""Units of messages looked at in a frame."""
MAX_SEI_MESSAGES = 16
MAX_ONES = 256
"""Octets of 255 in front of a message's type or size, so that a message has at most 64 KiB."""
LENGTHS = {size: struct.Struct(kind) for size, kind in ((1, "B"), (2, ">H"), (4, ">I"))}
"""Reads the length in front of a NAL unit, by its size in octets."""


def without_emulation(data: bytes) -> bytes:
    """The payload without emulation prevention octets."""
    parts, start = [], 0
    while (found := data.find(b"\x00\x00\x03", start)) >= 0:
        parts.append(data[start : found + 2])
        start = found + 3
    parts.append(data[start:])
    return b"".join(parts)


def with_emulation(data: bytes) -> bytes:
    """The reverse of `without_emulation`."""
    out, zeros = bytearray(), 0
    for octet in data:
        if zeros == 2 and octet <= 3:
            out.append(3)
            zeros = 0
        zeros = zeros + 1 if octet == 0 else 0
        out.append(octet)
    return bytes(out)


def sei_messages(payload: bytes | memoryview) -> Iterator[tuple[int, bytes | memoryview]]:
    """Type and payload of each message of an SEI unit, whose header is not part of `payload`.

    A message that is cut off is the last one, and short. One that is too long ends the walk.
    """
    at, end = 0, len(payload)
    for _ in range(MAX_SEI_MESSAGES):
        values = []
        for _ in range(2):
            # Not octet by octet: whoever sends megabytes of 255 would hold up everybody.
            head = bytes(payload[at : at + MAX_ONES])
            ones = len(head) - len(head.lstrip(b"\xff"))
            at += ones
            if at >= end or ones == MAX_ONES:
                return
            values.append(255 * ones + payload[at])
            at += 1
        kind, size = values
        yield kind, payload[at : at + size]
        at += size
