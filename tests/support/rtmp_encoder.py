"""A publisher in memory, made of the toolkit's own writer."""

from __future__ import annotations

from collections.abc import Sequence

from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.chunks import ChunkReader
from metropole_media.rtmp.events import Event
from metropole_media.rtmp.handshake import BLOCK, RANDOM_OCTETS
from metropole_media.rtmp.limits import RtmpLimits
from metropole_media.rtmp.messages import Message
from metropole_media.rtmp.server import ServerSession

AVCC = bytes.fromhex(
    "0164001fffe100176764001facb200a00b7420000003002000000781e3064901000668ebc3cb22c0fdf8f800"
)
"""1280x720, 30 frames a second, High profile, level 3.1."""
ASC = bytes.fromhex("1190")
"""AAC-LC, 48 kHz, stereo."""
IDR = b"\x00\x00\x00\x05\x65\x88\x84\x00\x10"
SLICE = b"\x00\x00\x00\x05\x41\x9a\x21\x00\x10"


def filler(octets: int) -> bytes:
    """A NAL unit of filler data (type 12) that takes so many octets with its length, at least 5."""
    return (octets - 4).to_bytes(4, "big") + b"\x0c" + b"\xff" * (octets - 5)


class Publisher:
    """The encoder's side of a `ServerSession`."""

    def __init__(self, limits: RtmpLimits | None = None) -> None:
        self.session = ServerSession(bytes(RANDOM_OCTETS), limits or RtmpLimits(), lambda: 0.0)
        self.writer = ChunkWriter()
        self.reader = ChunkReader(RtmpLimits())
        self.events: list[Event] = []
        self._hello = 1 + 2 * BLOCK

    def send(self, data: bytes) -> list[Event]:
        events = self.session.receive(memoryview(data))
        self.events += events
        return events

    def command(self, *values: amf0.Value, stream_id: int = 0, kind: int = 20) -> list[Event]:
        payload = (b"\0" if kind == 17 else b"") + amf0.encode(values)
        return self.send(self.writer.message(3, kind, payload, stream_id=stream_id))

    def video(self, timestamp: int, body: bytes) -> list[Event]:
        return self.send(self.writer.message(4, messages.VIDEO, body, timestamp=timestamp))

    def audio(self, timestamp: int, body: bytes) -> list[Event]:
        return self.send(self.writer.message(6, messages.AUDIO, body, timestamp=timestamp))

    def answers(self) -> list[Message]:
        out = memoryview(self.session.outgoing())
        if self._hello:
            skipped = min(self._hello, len(out))
            self._hello -= skipped
            out = out[skipped:]
        found: list[Message] = []
        self.reader.feed(out, found)
        return found

    def statuses(self) -> list[Sequence[str]]:
        found: list[Sequence[str]] = []
        for message in self.answers():
            if message.type == messages.COMMAND:
                values = amf0.decode(bytes(message.payload))
                if values[0] == "onStatus":
                    info = values[3]
                    assert isinstance(info, dict)
                    found.append([str(info[name]) for name in ("level", "code", "description")])
        return found

    def shake(self) -> None:
        self.send(b"\x03" + bytes(2 * BLOCK))

    def ask(self, key: str = "secret", app: str = "live", tc_url: str = "") -> None:
        self.shake()
        self.command("connect", 1.0, {"app": app, "tcUrl": tc_url})
        self.command("releaseStream", 2.0, None, key)
        self.command("FCPublish", 3.0, None, key)
        self.command("createStream", 4.0, None)
        self.command("publish", 5.0, None, key, "live", stream_id=1)

    def go_live(self) -> None:
        self.ask()
        self.session.accept()
