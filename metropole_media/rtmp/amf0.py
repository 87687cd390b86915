"""AMF0, the encoding of RTMP's commands and metadata.

Source: Action Message Format AMF 0, Adobe, 2007. Numbers become float, ECMA arrays and typed
objects dict, null and undefined None, dates the float of their milliseconds. References and
AMF3 values are refused: no encoder sends them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from metropole_media.rtmp.errors import BadMessage

Value: TypeAlias = "float | bool | str | dict[str, Value] | list[Value] | None"

MAX_DEPTH = 8
MAX_VALUES = 1024
MAX_OCTETS = 64 * 1024

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED = 0, 1, 2, 3, 5, 6
_ECMA_ARRAY, _END, _STRICT_ARRAY, _DATE, _LONG_STRING = 8, 9, 10, 11, 12
_UNSUPPORTED, _XML, _TYPED_OBJECT = 13, 15, 16
_DOUBLE = struct.Struct(">d")


def decode(data: bytes) -> list[Value]:
    """Read all values of a message.

    Raises:
        BadMessage: cut off, an unknown type, or past depth 8, 1024 values or 64 KiB.
    """
    if len(data) > MAX_OCTETS:
        raise BadMessage("A command or metadata message is longer than 64 KiB.")
    reader = _Reader(data)
    values = []
    while reader.at < len(data):
        values.append(reader.value(0))
    return values


def encode(values: Iterable[Value]) -> bytes:
    """Write values one after the other; dict becomes an object, list a strict array.

    Raises:
        ValueError: deeper than 8, a name longer than 65535 octets.
    """
    out = bytearray()
    for value in values:
        _write(out, value, 0)
    return bytes(out)


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0
    count: int = 0

    def value(self, depth: int) -> Value:
        self.count += 1
        if self.count > MAX_VALUES:
            raise BadMessage("A command or metadata message holds more than 1024 values.")
        if depth > MAX_DEPTH:
            raise BadMessage("A command or metadata message is nested too deeply.")
        kind = self.take(1)[0]
        if kind == _NUMBER:
            return self.number()
        if kind == _BOOLEAN:
            return self.take(1)[0] != 0
        if kind == _STRING:
            return self.text(2)
        if kind in (_NULL, _UNDEFINED, _UNSUPPORTED):
            return None
        if kind == _OBJECT:
            return self.members(depth)
        if kind == _ECMA_ARRAY:
            self.take(4)  # a count that encoders get wrong; the end marker decides
            return self.members(depth)
        if kind == _TYPED_OBJECT:
            self.text(2)
            return self.members(depth)
        if kind == _STRICT_ARRAY:
            size = int.from_bytes(self.take(4), "big")
            if size > MAX_VALUES:
                raise BadMessage("A command or metadata message holds more than 1024 values.")
            return [self.value(depth + 1) for _ in range(size)]
        if kind == _DATE:
            moment = self.number()
            self.take(2)  # time zone, reserved
            return moment
        if kind in (_LONG_STRING, _XML):
            return self.text(4)
        raise BadMessage(f"A command or metadata message holds a value of unknown type {kind}.")

    def members(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self.text(2)
            if not name and self.data[self.at : self.at + 1] == bytes((_END,)):
                self.at += 1
                return found
            found[name] = self.value(depth + 1)

    def number(self) -> float:
        result: float = _DOUBLE.unpack(self.take(8))[0]
        return result

    def text(self, width: int) -> str:
        return self.take(int.from_bytes(self.take(width), "big")).decode("utf-8", "replace")

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise BadMessage("A command or metadata message is cut off.")
        taken = self.data[self.at : end]
        self.at = end
        return taken


def _write(out: bytearray, value: Value, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if value is None:
        out.append(_NULL)
    elif isinstance(value, bool):
        out += bytes((_BOOLEAN, value))
    elif isinstance(value, (int, float)):
        out.append(_NUMBER)
        out += _DOUBLE.pack(value)
    elif isinstance(value, str):
        encoded = value.encode()
        if len(encoded) > 0xFFFF:
            out.append(_LONG_STRING)
            out += len(encoded).to_bytes(4, "big")
        else:
            out.append(_STRING)
            out += len(encoded).to_bytes(2, "big")
        out += encoded
    elif isinstance(value, dict):
        out.append(_OBJECT)
        for name, member in value.items():
            encoded = name.encode()
            if len(encoded) > 0xFFFF:
                raise ValueError("a name is too long")
            out += len(encoded).to_bytes(2, "big") + encoded
            _write(out, member, depth + 1)
        out += bytes((0, 0, _END))
    else:
        out.append(_STRICT_ARRAY)
        out += len(value).to_bytes(4, "big")
        for item in value:
            _write(out, item, depth + 1)
