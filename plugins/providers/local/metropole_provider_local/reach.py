"""Whether players reach the media port by the address that they are told, as seen from here."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from metropole_core.contracts.checks import Finding, Level

SUBJECT = "Media address"
SECONDS = 2.0
MAX_HEAD = 16 * 1024
CORS = "access-control-allow-origin"
FRONT = "Let the web server in front forward to the media port"


async def check_reach(url: str, running: bool) -> Finding:
    """Ask the address of the media port as players do.

    Arguments:
        url: as players are told.
        running: whether the media port is open now; without it only the name is looked at.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return _finding(
            Level.ERROR,
            f"the name {host} has no address",
            "Make a DNS record for it, or correct `media_url`.",
            "name",
        )
    if not running:
        return _finding(
            Level.OK, "the site does not run, so it was not asked whether video comes through"
        )
    try:
        async with asyncio.timeout(SECONDS):
            status, headers = await _head(host, port, parts.scheme == "https", parts.path or "/")
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or "it does not speak https"
        return _finding(
            Level.ERROR,
            f"{url}: {reason}",
            f"{FRONT} with a valid certificate, and set `media_url` to where it does.",
            "certificate",
        )
    except (OSError, TimeoutError, EOFError, ValueError):
        return _finding(
            Level.WARNING,
            f"{url} cannot be reached from this machine",
            "Try it from elsewhere. If it fails there too, open the port in firewall and router, "
            "or bind the media port to 0.0.0.0.",
            "unreached",
        )
    if status in (502, 503, 504):
        return _finding(
            Level.ERROR,
            f"the web server at {url} cannot reach the media port (it answers {status})",
            f"{FRONT}.",
            "gateway",
        )
    if headers.get(CORS) != "*":
        return _finding(
            Level.ERROR,
            f"what answers at {url} does not let players of the site read it (no header "
            "Access-Control-Allow-Origin: *)",
            f"{FRONT}, and pass its headers on; or correct `media_url`.",
            "cors",
        )
    return _finding(Level.OK, f"players reach the media port at {url}")


def _finding(level: Level, sentence: str, advice: str = "", code: str = "reach") -> Finding:
    return Finding(level, SUBJECT, sentence, advice, f"media_url_{code}")


async def _head(host: str, port: int, secure: bool, path: str) -> tuple[int, Mapping[str, str]]:
    reader, writer = await asyncio.open_connection(
        host, port, limit=MAX_HEAD, ssl=ssl.create_default_context() if secure else None
    )
    try:
        name = f"[{host}]" if ":" in host else host
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise ValueError("a head without end") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    first, *lines = head.split("\r\n")
    fields = (line.partition(":") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}
