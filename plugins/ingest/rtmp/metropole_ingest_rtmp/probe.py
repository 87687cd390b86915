"""Who answers on a port: a tiny RTMP client for the doctor."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from enum import Enum

from metropole_media.rtmp import amf0, answers, messages
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.chunks import ChunkReader
from metropole_media.rtmp.errors import ProtocolError
from metropole_media.rtmp.handshake import BLOCK, VERSION
from metropole_media.rtmp.limits import RtmpLimits
from metropole_media.rtmp.messages import Message

SECONDS = 2.0
READ = 4096
LIMITS = RtmpLimits(message=64 * 1024, unfinished=64 * 1024)


class Answer(Enum):
    METROPOLE = "metropole"
    RTMP = "rtmp"
    OTHER = "other"


async def who_answers(host: str, port: int, *, tls: ssl.SSLContext | None = None) -> Answer:
    """Connect as an encoder would, without publishing; with `tls` by RTMPS. Once it is connected
    it takes at most 2 s.

    Raises:
        OSError: nobody answers, or (ssl.SSLError) not by TLS as `tls` wants it.
    """
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        async with asyncio.timeout(SECONDS):
            return await _ask(reader, writer)
    except (TimeoutError, EOFError, OSError):
        return Answer.OTHER
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    writer.write(bytes((VERSION,)) + bytes(BLOCK))
    if (await reader.readexactly(1))[0] != VERSION:
        return Answer.OTHER
    first = await reader.readexactly(2 * BLOCK)
    connect = amf0.encode(["connect", 1.0, {"app": "doctor", "tcUrl": "rtmp://localhost/doctor"}])
    writer.write(first[:BLOCK])
    writer.write(ChunkWriter().message(messages.COMMAND_CSID, messages.COMMAND, connect))
    chunks = ChunkReader(LIMITS)
    try:
        while data := await reader.read(READ):
            whole: list[Message] = []
            chunks.feed(memoryview(data), whole)
            for message in whole:
                if message.type == messages.COMMAND:
                    return _identify(amf0.decode(bytes(message.payload)))
    except ProtocolError:
        pass
    return Answer.RTMP


def _identify(values: list[amf0.Value]) -> Answer:
    properties = values[2] if len(values) > 2 else None
    if isinstance(properties, dict) and properties.get("server") == answers.SERVER:
        return Answer.METROPOLE
    return Answer.RTMP
