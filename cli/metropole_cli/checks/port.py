"""Looks at the site's port, and through the public address: is it this site that answers?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metropole_cli.checks import web
from metropole_cli.checks.addresses import GROUP as ADDRESSES
from metropole_cli.checks.look import Look
from metropole_core.config import split_bind
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

GROUP = "Ports"
SUBJECT = "Public address"
INSTANCE = "metropole-instance"
"""Header of /healthz: the same for every answer of one running site."""
BAD_GATEWAY = frozenset([502, 503, 504, 521, 522, 523])
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def looks(config: SiteConfig) -> list[Look]:
    """The port itself, and the way to it from outside."""
    return [
        Look(GROUP, "Site port", "site_port", lambda: [site_port(config)]),
        Look(ADDRESSES, SUBJECT, "public_url", lambda: reach(config)),
    ]


def local_url(config: SiteConfig) -> str:
    """The site's own port, as this machine reaches it."""
    host, port = split_bind(config.bind)
    host = WILDCARDS.get(host, host)
    scheme = "https" if config.certificate is not None else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def running(config: SiteConfig) -> str | None:
    """Which Metropole answers on the site's own port; None when none does."""
    return instance(web.ask(f"{local_url(config)}/healthz", verify=False))


def instance(answer: web.Answer) -> str | None:
    """Which Metropole gave that answer, None when it was none."""
    is_ours = answer.status in (200, 503) and b"metropole" in answer.body.lower()
    return answer.headers.get(INSTANCE, "?") if is_ours else None


def site_port(config: SiteConfig) -> Finding:
    """The site's port is free, or held by this site."""
    from metropole_core.errors import MetropoleError
    from metropole_core.server import bind_socket

    subject = "Site port"
    try:
        bind_socket(config.bind).close()
    except MetropoleError as error:
        if running(config) is not None:
            sentence = f"Metropole is running on {config.bind}"
            return Finding(Level.OK, subject, sentence, code="site_port_ours")
        what, _, advice = error.sentence.partition(". ")
        return Finding(
            Level.ERROR, subject, f"{config.bind} cannot be used. {what}", advice, "site_port_taken"
        )
    return Finding(Level.OK, subject, f"{config.bind} is free", code="site_port_free")


def reach(config: SiteConfig) -> list[Finding]:
    """What answers at the public address, seen from this machine."""
    host = urlsplit(config.public_url).hostname or ""
    if not web.resolves(host):
        return [
            Finding(
                Level.ERROR,
                SUBJECT,
                f"the name {host} has no address",
                "Make a DNS record for it, or correct `public_url`.",
                "public_url_name",
            )
        ]
    here = running(config)
    answer = web.ask(f"{config.public_url}/healthz")
    finding = judge(config, here, answer)
    if here is None or finding.level is not Level.OK:
        return [finding]
    return [finding, socket(config)]


def judge(config: SiteConfig, here: str | None, answer: web.Answer) -> Finding:
    """Compare the site that runs here with what answers at the public address."""
    url, there = config.public_url, instance(answer)

    def finding(level: Level, sentence: str, advice: str, code: str) -> Finding:
        return Finding(level, SUBJECT, sentence, advice, f"public_url_{code}")

    if there is not None:
        if here is None:
            return finding(
                Level.WARNING,
                f"a Metropole answers at {url}, although none runs on {config.bind}",
                "Is it another site's address, or another machine's?",
                "elsewhere",
            )
        if there != here:
            return finding(
                Level.ERROR,
                f"another Metropole than the one on {config.bind} answers at {url}",
                "Correct `public_url`, or where the web server in front leads.",
                "other",
            )
        return finding(Level.OK, f"{url} leads to this site", "", "reached")
    if answer.why.startswith("certificate"):
        return finding(
            Level.ERROR,
            f"the {answer.why} ({url})",
            "Renew or replace the certificate: browsers show a warning instead of the site.",
            "certificate",
        )
    if answer.status in BAD_GATEWAY or (not answer.status and here is None):
        if here is None:
            sentence = "the site does not run, so it was not asked whether it can be reached"
            return finding(Level.OK, sentence, "", "not_asked")
        return finding(
            Level.ERROR,
            f"the web server at {url} cannot reach the site (it answers {answer.status})",
            f"Let it forward to {local_url(config)}.",
            "gateway",
        )
    if answer.status:
        return finding(
            Level.ERROR,
            f"something else answers at {url} (status {answer.status})",
            f"Correct `public_url`, or let the web server there forward to {local_url(config)}.",
            "foreign",
        )
    return finding(
        Level.WARNING,
        f"{url} cannot be reached from this machine: {answer.why}",
        "Try it from elsewhere. Some routers do not lead back from inside; if it fails there "
        "too, open the port in firewall and router.",
        "unreached",
    )


def socket(config: SiteConfig) -> Finding:
    """Whether chat and live status come through: proxies pass a WebSocket only when told so."""
    answer = web.upgrade(config.public_url)
    if answer.status == 101:
        return Finding(Level.OK, "WebSocket", "chat comes through", code="websocket")
    return Finding(
        Level.ERROR,
        "WebSocket",
        f"{config.public_url}/ws does not open ({answer.status or answer.why}): no chat, no live "
        "status",
        "Let the web server in front pass the headers Upgrade and Connection on.",
        "websocket_closed",
    )
