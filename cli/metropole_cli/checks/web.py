"""Asks a web address as a browser would: does the name resolve, who answers, and with what."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SECONDS = 2.0
MAX_BODY = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Fields:
        status: 0 when nothing came back; `why` says why then.
        headers: names in lower case.
        why: "name", "certificate", "refused", "timeout", or another reason in words.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    why: str = ""


def resolves(host: str) -> bool:
    """Whether the name has an address."""
    try:
        return bool(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False


def ask(url: str, headers: Mapping[str, str] | None = None, *, verify: bool = True) -> Answer:
    """GET an address; takes a few seconds at most and never raises for what the other does.

    Without `verify` any certificate will do: on this machine it is made for another name.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path or "/"
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=SECONDS, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
    )
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        body = b"" if response.status == 101 else response.read(MAX_BODY)
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, body)
    except ssl.SSLCertVerificationError as error:
        return Answer(why=f"certificate: {error.verify_message}")
    except ssl.SSLError:
        return Answer(why="it does not speak https")
    except socket.gaierror:
        return Answer(why="the name has no address")
    except ConnectionRefusedError:
        return Answer(why="refused: nothing listens there")
    except TimeoutError:
        return Answer(why="no answer: a firewall may be in between")
    except (OSError, http.client.HTTPException) as error:
        return Answer(why=getattr(error, "strerror", None) or "what answers is no web server")
    finally:
        connection.close()


def upgrade(origin: str) -> Answer:
    """Try to open the site's WebSocket as a page of `origin` does."""
    key = base64.b64encode(os.urandom(16)).decode()
    return ask(
        f"{origin}/ws",
        {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Origin": origin,
        },
    )
