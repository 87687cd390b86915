"""Boxes: a size, a type, a payload.

Source: ISO/IEC 14496-12 section 4.2 (Box, FullBox).
"""

from __future__ import annotations

import struct


def box(kind: bytes, *payload: bytes) -> bytes:
    """A box of that four-character type."""
    return struct.pack(">I4s", 8 + sum(map(len, payload)), kind) + b"".join(payload)


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)
