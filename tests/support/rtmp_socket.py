"""An encoder on a real socket that does exactly what a test tells it, right or wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.chunks import ChunkReader
from metropole_media.rtmp.handshake import BLOCK
from metropole_media.rtmp.limits import RtmpLimits
from metropole_media.rtmp.messages import Message
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, filler

SECONDS = 10.0


class RawEncoder:
    """Writes what it is told; reads statuses. Every wait has a bound of 10 s."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.chunks = ChunkWriter()
        self._reader, self._writer = reader, writer
        self._answers = ChunkReader(RtmpLimits())

    async def send(self, data: bytes) -> None:
        """Write; a server that has closed is no surprise."""
        with contextlib.suppress(OSError):
            self._writer.write(data)
            async with asyncio.timeout(SECONDS):
                await self._writer.drain()

    async def command(self, *values: amf0.Value, stream_id: int = 0) -> None:
        await self.send(
            self.chunks.message(3, messages.COMMAND, amf0.encode(values), stream_id=stream_id)
        )

    async def shake(self) -> None:
        await self.send(b"\x03" + bytes(BLOCK))
        async with asyncio.timeout(SECONDS):
            await self._reader.readexactly(1 + 2 * BLOCK)
        await self.send(bytes(BLOCK))

    async def ask(self, key: str) -> None:
        await self.shake()
        await self.command("connect", 1.0, {"app": "live"})
        await self.command("createStream", 2.0, None)
        await self.command("publish", 3.0, None, key, "live", stream_id=1)

    async def go_live(self, key: str) -> None:
        await self.ask(key)
        assert await self.status() == "NetStream.Publish.Start"
        await self.configure()

    async def configure(self) -> None:
        await self.send(self.chunks.message(4, messages.VIDEO, b"\x17\0\0\0\0" + AVCC))
        await self.send(self.chunks.message(6, messages.AUDIO, b"\xaf\0" + ASC))

    async def frame(self, timestamp: int, *, key: bool = False, filling: int = 0) -> None:
        body = b"\x17\1\0\0\0" + IDR if key else b"\x27\1\0\0\0" + SLICE
        body += filler(filling) if filling else b""
        await self.send(self.chunks.message(4, messages.VIDEO, body, timestamp=timestamp))

    async def announce_chunk_size(self, size: int) -> None:
        await self.send(self.chunks.set_chunk_size(size))

    async def ping(self) -> bool:
        """Wait until the server has read all that was sent; False when it has closed."""
        ping = messages.user_control(messages.PING_REQUEST, messages.number(0))
        await self.send(self.chunks.message(messages.CONTROL_CSID, messages.USER_CONTROL, ping))
        async with asyncio.timeout(SECONDS):
            while data := await self._read():
                found: list[Message] = []
                self._answers.feed(memoryview(data), found)
                for message in found:
                    kind = int.from_bytes(message.payload[:2], "big")
                    if message.type == messages.USER_CONTROL and kind == messages.PING_RESPONSE:
                        return True
        return False

    async def status(self) -> str:
        """The code of the next onStatus, "" when the server closes before one comes."""
        return (await self.full_status()).get("code", "")

    async def full_status(self) -> dict[str, str]:
        """The next onStatus, {} when the server closes before one comes."""
        async with asyncio.timeout(SECONDS):
            while data := await self._read():
                found: list[Message] = []
                self._answers.feed(memoryview(data), found)
                for message in found:
                    if message.type != messages.COMMAND:
                        continue
                    values = amf0.decode(bytes(message.payload))
                    if values[0] == "onStatus":
                        assert isinstance(values[3], dict)
                        return {name: str(value) for name, value in values[3].items()}
        return {}

    async def closed(self) -> None:
        """Until the server has closed the connection."""
        async with asyncio.timeout(SECONDS):
            while await self._read():
                pass

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # what nobody reads is never sent
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawEncoder]:
    """A connection to 127.0.0.1, closed when the block ends."""
    encoder = RawEncoder(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield encoder
    finally:
        await encoder.close()
