"""WebSocket frames of a server, made once and written to many (RFC 6455, section 5.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

_encoder = msgspec.json.Encoder()

TEXT = 0x81


class Frame:
    """One message or several, as octets for a transport and as texts where there is none."""

    __slots__ = ("texts", "wire")

    def __init__(self, wire: bytes, texts: tuple[str, ...]) -> None:
        self.wire = wire
        self.texts = texts


def encode(message: msgspec.Struct) -> Frame:
    """The frame of a message."""
    payload = _encoder.encode(message)
    return Frame(_head(TEXT, len(payload)) + payload, (payload.decode(),))


def join(frames: Iterable[Frame]) -> Frame:
    """Several in one write."""
    kept = list(frames)
    return Frame(
        b"".join(frame.wire for frame in kept),
        tuple(text for frame in kept for text in frame.texts),
    )


def _head(kind: int, length: int) -> bytes:
    if length < 126:
        return bytes((kind, length))
    if length < 1 << 16:
        return struct.pack("!BBH", kind, 126, length)
    return struct.pack("!BBQ", kind, 127, length)
