"""What the doctor looks at: whether the media port can be ours."""

from __future__ import annotations

import asyncio
import errno
import ssl
from contextlib import suppress

from metropole_core.contracts.checks import Finding, Level
from metropole_media.bind import split_bind
from metropole_media.http.limits import SERVER
from metropole_provider_local.port import why_not
from metropole_provider_local.settings import LocalSettings

SUBJECT = "Media port"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
PROBE_SECONDS = 2.0


async def check_port(settings: LocalSettings) -> list[Finding]:
    """Free, or already opened by a running Metropole."""
    host, port = split_bind(settings.bind)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await is_ours(WILDCARDS.get(host, host), port):
            sentence = f"Metropole serves players at {settings.bind}"
            return [Finding(Level.OK, SUBJECT, sentence, code="media_port_ours")]
        sentence, advice = why_not(error, settings.bind, port)
        advice = advice[0].upper() + advice[1:]
        return [Finding(Level.ERROR, SUBJECT, sentence, advice, "media_port_taken")]
    server.close()
    return [Finding(Level.OK, SUBJECT, f"{settings.bind} is free", code="media_port_free")]


async def is_ours(host: str, port: int) -> bool:
    """Whether a media port of Metropole answers there, by HTTP or HTTPS."""
    anyone = ssl.create_default_context()
    # On this machine it is asked by an address that no certificate is made for.
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    plain, secure = await asyncio.gather(_answers(host, port, None), _answers(host, port, anyone))
    return plain or secure


async def _answers(host: str, port: int, tls: ssl.SSLContext | None) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, limit=4096, ssl=tls)
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    return f"\r\nServer: {SERVER}\r\n".encode() in head
