"""Messages between a job and its worker: bytes in, messages out.

Each is a length (4 octets, big-endian, of all that follows), one octet for the kind, and its
fields. Both sides are of one version, so there is no negotiation; but what comes from a worker is
read with care, because it decodes what strangers sent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass

MAX_MESSAGE = 32 * 1024 * 1024
"""Octets of one message: a key frame of 8K has a tenth of that."""
MAX_SENTENCE = 2000

_HEAD = struct.Struct(">IB")
_MEDIA = struct.Struct(">Bqq?")
_DESCRIBED = struct.Struct(">BHHB")
_REPORT = struct.Struct(">dQQQ")
_NUMBER = struct.Struct(">B")

Buffer = bytes | bytearray | memoryview


class BadMessage(ValueError):
    """The other side does not speak this protocol."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Job to worker, first of all: `JobSpec.to_json`."""

    spec: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Job to worker: what the packets that follow are, from the next key frame on.

    Fields:
        fourcc, timescale, config, width, height, frame_rate: as in `Track`.
        transfer: `Colour.transfer`, 0 when unknown.
    """

    fourcc: str
    timescale: int
    width: int
    height: int
    frame_rate: float
    transfer: int
    config: bytes


@dataclass(frozen=True, slots=True)
class Media:
    """A packet, either way.

    Fields:
        rung: place of the rendition in the `JobSpec`; 0 on the way to the worker.
        dts, pts, key, data: as in `Packet`, in the timescale of the source (to the worker) or in
            1/90000 s (from it).
    """

    rung: int
    dts: int
    pts: int
    key: bool
    data: Buffer


@dataclass(frozen=True, slots=True)
class Flush:
    """Job to worker: the publisher is gone. Everything that is held back is to come out."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """Worker to job: that has been done."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Job to worker: nobody wants this rendition any more."""

    rung: int


@dataclass(frozen=True, slots=True)
class Described:
    """Worker to job: how the packets of a rendition are to be decoded.

    Fields:
        record: decoder configuration record.
    """

    rung: int
    width: int
    height: int
    bit_depth: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """Worker to job: this rendition has ended, the others go on."""

    rung: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """Worker to job, about once a second.

    Fields:
        cpu_seconds: processor time used so far.
        frames: decoded so far.
        damaged: packets that could not be decoded so far.
        memory_octets: of RAM held now.
    """

    cpu_seconds: float
    frames: int
    damaged: int
    memory_octets: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Worker to job: it ends, this is why."""

    sentence: str


Message = (
    Begin | Source | Media | Flush | Flushed | Stop | Described | Gone | Report | Failed
)  # fmt: skip


def encode(message: Message) -> list[Buffer]:
    """What to write, one after the other. The data of a packet is not copied.

    Raises:
        ValueError: longer than `MAX_MESSAGE`.
    """
    data: Buffer = b""
    match message:
        case Media(rung, dts, pts, key, data):
            kind, fields = b"m", _MEDIA.pack(rung, dts, pts, key)
        case Begin(data):
            kind, fields = b"b", b""
        case Source(config=data):
            facts = {name: value for name, value in asdict(message).items() if name != "config"}
            text = json.dumps(facts).encode()
            kind, fields = b"s", struct.pack(">H", len(text)) + text
        case Flush():
            kind, fields = b"f", b""
        case Flushed():
            kind, fields = b"F", b""
        case Stop(rung):
            kind, fields = b"x", _NUMBER.pack(rung)
        case Described(rung, width, height, bit_depth, data):
            kind, fields = b"d", _DESCRIBED.pack(rung, width, height, bit_depth)
        case Gone(rung, sentence):
            kind, fields, data = b"g", _NUMBER.pack(rung), sentence[:MAX_SENTENCE].encode()
        case Report(cpu_seconds, frames, damaged, memory_octets):
            kind, fields = b"r", _REPORT.pack(cpu_seconds, frames, damaged, memory_octets)
        case Failed(sentence):
            kind, fields, data = b"e", b"", sentence[:MAX_SENTENCE].encode()
    size = 1 + len(fields) + len(data)
    if size > MAX_MESSAGE:
        raise ValueError(f"a message of {size} octets")
    head = _HEAD.pack(size, kind[0]) + fields
    return [head, data] if len(data) else [head]


class Reader:
    """Messages out of octets as they arrive. Holds at most one message and what came with it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: Buffer) -> Iterator[Message]:
        """Take octets; each message that is complete. To be walked to its end.

        Raises:
            BadMessage: whoever sends that cannot be understood any further.
        """
        self._buffer += octets
        at = 0
        try:
            while len(self._buffer) - at >= 4:
                size = int.from_bytes(self._buffer[at : at + 4], "big")
                if not 1 <= size <= MAX_MESSAGE:
                    raise BadMessage(f"a message of {size} octets")
                end = at + 4 + size
                if len(self._buffer) < end:
                    break
                body = bytes(memoryview(self._buffer)[at + 5 : end])
                kind, at = self._buffer[at + 4], end
                yield _decode(kind, body)
        finally:
            del self._buffer[:at]


def _decode(kind: int, body: bytes) -> Message:
    try:
        match chr(kind):
            case "m":
                rung, dts, pts, key = _MEDIA.unpack_from(body)
                return Media(rung, dts, pts, key, memoryview(body)[_MEDIA.size :])
            case "b":
                return Begin(body)
            case "s":
                length = int.from_bytes(body[:2], "big")
                facts = json.loads(body[2 : 2 + length])
                return Source(**facts, config=body[2 + length :])
            case "f":
                return Flush()
            case "F":
                return Flushed()
            case "x":
                return Stop(*_NUMBER.unpack(body))
            case "d":
                rung, width, height, bit_depth = _DESCRIBED.unpack_from(body)
                return Described(rung, width, height, bit_depth, body[_DESCRIBED.size :])
            case "g":
                return Gone(body[0], body[1:].decode(errors="replace"))
            case "r":
                return Report(*_REPORT.unpack(body))
            case "e":
                return Failed(body.decode(errors="replace"))
    except (struct.error, ValueError, TypeError, IndexError, RecursionError) as error:
        raise BadMessage(f"a message of kind {kind} that cannot be read: {error}") from None
    raise BadMessage(f"a message of unknown kind {kind}")
