"""What the doctor looks at: whether the RTMP port can be ours."""

from __future__ import annotations

import asyncio
import errno

from metropole_core.contracts.checks import Finding, Level
from metropole_ingest_rtmp.probe import Answer, who_answers
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_media.bind import split_bind

SUBJECT = "RTMP port"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
ADVICE = "Set another port: bind of [plugin.ingest_rtmp], or METROPOLE_PLUGIN__INGEST_RTMP__BIND."


async def check_port(settings: RtmpSettings) -> list[Finding]:
    """Free, or already opened by a running Metropole."""
    host, port = split_bind(settings.bind)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return [await _taken(settings.bind, WILDCARDS.get(host, host), port)]
        reason = error.strerror or "unknown reason"
        return [
            Finding(Level.ERROR, SUBJECT, f"{settings.bind} cannot be opened: {reason}", ADVICE)
        ]
    server.close()
    return [Finding(Level.OK, SUBJECT, f"{settings.bind} is free")]


async def _taken(bind: str, host: str, port: int) -> Finding:
    try:
        answer = await who_answers(host, port)
    except OSError:
        answer = Answer.OTHER
    if answer is Answer.METROPOLE:
        return Finding(Level.OK, SUBJECT, f"Metropole takes encoders at {bind}")
    who = "another RTMP server" if answer is Answer.RTMP else "another program"
    return Finding(Level.ERROR, SUBJECT, f"{bind} is taken by {who}", ADVICE)
