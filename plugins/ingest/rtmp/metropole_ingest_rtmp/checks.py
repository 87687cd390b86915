"""What the doctor looks at: whether the RTMP port can be ours, and whether encoders
get through to it."""

from __future__ import annotations

import asyncio
import errno
import socket
from urllib.parse import urlsplit

from metropole_core.contracts.checks import Finding, Level
from metropole_ingest_rtmp.probe import Answer, who_answers
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_media.bind import split_bind

SUBJECT = "RTMP port"
ADDRESS = "RTMP address"
REACH_SECONDS = 2.4
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
            Finding(
                Level.ERROR,
                SUBJECT,
                f"{settings.bind} cannot be opened: {reason}",
                ADVICE,
                "rtmp_port_unusable",
            )
        ]
    server.close()
    return [Finding(Level.OK, SUBJECT, f"{settings.bind} is free", code="rtmp_port_free")]


async def _taken(bind: str, host: str, port: int) -> Finding:
    try:
        answer = await who_answers(host, port)
    except OSError:
        answer = Answer.OTHER
    if answer is Answer.METROPOLE:
        return Finding(
            Level.OK, SUBJECT, f"Metropole takes encoders at {bind}", code="rtmp_port_ours"
        )
    who = "another RTMP server" if answer is Answer.RTMP else "another program"
    return Finding(Level.ERROR, SUBJECT, f"{bind} is taken by {who}", ADVICE, "rtmp_port_taken")


async def is_ours(bind: str) -> bool:
    """Whether a Metropole takes encoders there."""
    host, port = split_bind(bind)
    try:
        async with asyncio.timeout(REACH_SECONDS):
            return await who_answers(WILDCARDS.get(host, host), port) is Answer.METROPOLE
    except (OSError, TimeoutError):
        return False


async def check_reach(url: str, running: bool) -> Finding:
    """Whether encoders reach the port by the address that they are told, seen from this machine.

    Arguments:
        url: rtmp:// or rtmps://, as encoders are told.
        running: whether the port is open now; without it only the name is looked at.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "rtmps"
    port = parts.port or (443 if secure else 1935)
    try:
        await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Finding(
            Level.ERROR,
            ADDRESS,
            f"the name {host} has no address",
            "Make a DNS record for it, or correct `rtmp_url`.",
            "rtmp_url_name",
        )
    if not running:
        sentence = "the site does not run, so it was not asked whether encoders get through"
        return Finding(Level.OK, ADDRESS, sentence, code="rtmp_url")
    try:
        async with asyncio.timeout(REACH_SECONDS):
            answer = await who_answers(host, port, secure=secure)
    except (OSError, TimeoutError):
        return Finding(
            Level.WARNING,
            ADDRESS,
            f"{url} cannot be reached from this machine",
            "Try it from elsewhere. If it fails there too, open the port in firewall and router, "
            "or bind the port to 0.0.0.0: bind of [plugin.ingest_rtmp].",
            "rtmp_url_unreached",
        )
    if answer is Answer.METROPOLE:
        return Finding(Level.OK, ADDRESS, f"encoders reach this server at {url}", code="rtmp_url")
    who = "another RTMP server" if answer is Answer.RTMP else "something that speaks no RTMP"
    return Finding(
        Level.ERROR,
        ADDRESS,
        f"{who} answers at {url}",
        "Correct `rtmp_url`, or where the port is forwarded to.",
        "rtmp_url_other",
    )
