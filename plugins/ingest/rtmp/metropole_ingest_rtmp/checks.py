"""What the doctor looks at: whether the ports of RTMP and RTMPS can be ours, and whether encoders
get through to them."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from metropole_core.contracts.checks import Finding, Level
from metropole_ingest_rtmp.certificate import load, new_context, why_not
from metropole_ingest_rtmp.probe import Answer, who_answers
from metropole_media.bind import split_bind

REACH_SECONDS = 2.4
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Port:
    """One of the two: how it is called, in what setting its address stands, and by which name
    encoders find it."""

    title: str
    setting: str
    url_setting: str
    secure: bool

    @property
    def code(self) -> str:
        """The beginning of its findings' codes."""
        return self.title.lower()


RTMP = Port("RTMP", "bind", "`rtmp_url`", secure=False)
RTMPS = Port("RTMPS", "tls_bind", "`rtmp_url` or `public_url`", secure=True)


async def check_port(port: Port, bind: str) -> list[Finding]:
    """Free, or already opened by a running Metropole."""
    host, number = split_bind(bind)
    subject = f"{port.title} port"
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, host, number)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return [await _taken(port, bind)]
        reason = error.strerror or "unknown reason"
        return [
            Finding(
                Level.ERROR,
                subject,
                f"{bind} cannot be opened: {reason}",
                _advice(port),
                f"{port.code}_port_unusable",
            )
        ]
    server.close()
    return [Finding(Level.OK, subject, f"{bind} is free", code=f"{port.code}_port_free")]


async def _taken(port: Port, bind: str) -> Finding:
    host, number = split_bind(bind)
    subject, code = f"{port.title} port", f"{port.code}_port"
    try:
        answer = await who_answers(WILDCARDS.get(host, host), number, tls=_any(port.secure))
    except OSError:
        answer = Answer.OTHER
    if answer is Answer.METROPOLE:
        sentence = f"Metropole takes encoders at {bind}"
        return Finding(Level.OK, subject, sentence, code=f"{code}_ours")
    who = "another RTMP server" if answer is Answer.RTMP else "another program"
    sentence = f"{bind} is taken by {who}"
    return Finding(Level.ERROR, subject, sentence, _advice(port), f"{code}_taken")


def check_certificate(chain: Path, key: Path) -> list[Finding]:
    """Whether the certificate that the plugin was given can be used; nothing when it can."""
    try:
        load(new_context(), chain, key)
    except OSError as error:
        sentence = f"the certificate cannot be used: {why_not(error, chain, key)}"
        return [Finding(Level.ERROR, "RTMPS certificate", sentence, "", "rtmps_certificate")]
    return []


async def is_ours(bind: str, *, secure: bool = False) -> bool:
    """Whether a Metropole takes encoders there."""
    host, port = split_bind(bind)
    try:
        async with asyncio.timeout(REACH_SECONDS):
            found = await who_answers(WILDCARDS.get(host, host), port, tls=_any(secure))
            return found is Answer.METROPOLE
    except (OSError, TimeoutError):
        return False


async def check_reach(port: Port, url: str, running: bool) -> Finding:
    """Whether encoders reach the port by the address that they are told, seen from this machine.

    Arguments:
        url: rtmp:// or rtmps://, as encoders are told.
        running: whether the port is open now; without it only the name is looked at.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "rtmps"
    number = parts.port or (443 if secure else 1935)
    subject, code = f"{port.title} address", f"{port.code}_url"
    try:
        await asyncio.get_running_loop().getaddrinfo(host, number, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        sentence = f"the name {host} has no address"
        advice = f"Make a DNS record for it, or correct {port.url_setting}."
        return Finding(Level.ERROR, subject, sentence, advice, f"{code}_name")
    if not running:
        sentence = "the site does not run, so it was not asked whether encoders get through"
        return Finding(Level.OK, subject, sentence, code=code)
    try:
        async with asyncio.timeout(REACH_SECONDS):
            answer = await who_answers(
                host, number, tls=ssl.create_default_context() if secure else None
            )
    except ssl.SSLCertVerificationError as error:
        return Finding(
            Level.WARNING,
            subject,
            f"OBS refuses the certificate at {url}: {error.verify_message}",
            f"Take one that computers trust (Let's Encrypt), made for {host}; with a self-signed "
            "one only encoders that do not look at it get through, such as FFmpeg.",
            f"{code}_untrusted",
        )
    except (OSError, TimeoutError):
        return Finding(
            Level.WARNING,
            subject,
            f"{url} cannot be reached from this machine",
            "Try it from elsewhere. If it fails there too, open the port in firewall and router, "
            f"or bind the port to 0.0.0.0: {port.setting} of [plugin.ingest_rtmp].",
            f"{code}_unreached",
        )
    if answer is Answer.METROPOLE:
        return Finding(Level.OK, subject, f"encoders reach this server at {url}", code=code)
    who = "another RTMP server" if answer is Answer.RTMP else "something that speaks no RTMP"
    sentence = f"{who} answers at {url}"
    advice = f"Correct {port.url_setting}, or where the port is forwarded to."
    return Finding(Level.ERROR, subject, sentence, advice, f"{code}_other")


def _advice(port: Port) -> str:
    variable = f"METROPOLE_PLUGIN__INGEST_RTMP__{port.setting.upper()}"
    return f"Set another port: {port.setting} of [plugin.ingest_rtmp], or {variable}."


def _any(secure: bool) -> ssl.SSLContext | None:
    """TLS without a look at the certificate: who answers on a port of this machine is asked."""
    if not secure:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
