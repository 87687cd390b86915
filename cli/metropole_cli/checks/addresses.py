"""Looks at the addresses of the settings: do they fit together? No network is touched here."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from metropole_cli.checks.look import Look
from metropole_core.config import split_bind
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

GROUP = "Addresses"
WIDE = {4: 8, 6: 16}
"""A trusted network with a shorter prefix than that is half the world's."""


def looks(config: SiteConfig) -> list[Look]:
    """Everything about how the addresses fit together."""
    return [
        Look(GROUP, "Public address", "public_url", lambda: public_url(config)),
        Look(GROUP, "Media address", "media_url", lambda: media_url(config)),
        Look(GROUP, "Trusted proxies", "trusted_proxies", lambda: trusted_proxies(config)),
    ]


def is_here(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def is_private(host: str) -> bool:
    """Whether it is an address or a name of a local network."""
    address = _address(host)
    if address is not None:
        return address.is_private
    return "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def port_of(parts: SplitResult) -> int:
    """The port of a web address."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def public_url(config: SiteConfig) -> list[Finding]:
    """Scheme, host and port of `public_url` beside `bind`."""
    subject = "Public address"
    parts, (bound, port) = urlsplit(config.public_url), split_bind(config.bind)
    host = parts.hostname or ""
    if is_here(host) and not is_here(bound):
        return [
            Finding(
                Level.WARNING,
                subject,
                f"the site listens on {config.bind} for others too, but public_url is "
                f"{config.public_url}: links, video and the address for OBS lead them to their "
                "own machine",
                "Set `public_url` to the address as other people type it.",
                "public_url_local",
            )
        ]
    proxied = bool(config.trusted_proxies)
    findings = []
    if not is_here(host) and is_here(bound) and not proxied:
        findings.append(
            Finding(
                Level.WARNING,
                subject,
                f"{config.public_url} is for everyone, but the site listens on {config.bind} for "
                "this machine only",
                "With a web server in front on this machine, list it: trusted_proxies = "
                '["127.0.0.1"]. Without one, set `bind` to 0.0.0.0 with the port.',
                "public_url_unbound",
            )
        )
    elif parts.scheme == "http" and not proxied and port_of(parts) != port:
        findings.append(
            Finding(
                Level.WARNING,
                subject,
                f"public_url has port {port_of(parts)}, but the site listens on port {port}",
                "Give both the same port, unless something in between changes it.",
                "public_url_port",
            )
        )
    if parts.scheme == "http" and not is_here(host) and not is_private(host):
        findings.append(
            Finding(
                Level.WARNING,
                subject,
                f"{config.public_url} is not encrypted: passwords can be read on the way",
                "Put a web server with a certificate in front, and set `public_url` to https://.",
                "public_url_plain",
            )
        )
    return findings or [Finding(Level.OK, subject, f"{config.public_url} fits bind {config.bind}")]


def media_url(config: SiteConfig) -> list[Finding]:
    """Scheme of `media_url` beside that of `public_url`."""
    subject = "Media address"
    secure = config.public_url.startswith("https:")
    if secure and config.media_url is None and config.certificate is None:
        return [
            Finding(
                Level.WARNING,
                subject,
                "the site is https, but media_url is not set: players would fetch video from the "
                "media port by https, which it does not speak by itself",
                "Let the web server in front serve the media port too, and set `media_url`.",
                "media_url_missing",
            )
        ]
    if secure and config.media_url is not None and config.media_url.startswith("http:"):
        return [
            Finding(
                Level.ERROR,
                subject,
                f"the site is https and media_url is {config.media_url}: browsers refuse such "
                "mixed content",
                "Let the web server in front serve the media port, and set `media_url` to https.",
                "media_url_mixed",
            )
        ]
    host = urlsplit(config.media_url).hostname if config.media_url else None
    if host and is_here(host) and not is_here(urlsplit(config.public_url).hostname or ""):
        return [
            Finding(
                Level.ERROR,
                subject,
                f"media_url is {config.media_url}, which leads each viewer to their own machine",
                "Set `media_url` to the address of the media port as players reach it.",
                "media_url_local",
            )
        ]
    shown = config.media_url or "the host of public_url with the media port"
    return [Finding(Level.OK, subject, f"players fetch from {shown}")]


def trusted_proxies(config: SiteConfig) -> list[Finding]:
    """Whose word about the visitor's address is taken."""
    subject = "Trusted proxies"
    for text in config.trusted_proxies:
        network = ipaddress.ip_network(text, strict=False)
        if network.prefixlen < WIDE[network.version]:
            return [
                Finding(
                    Level.ERROR,
                    subject,
                    f"{text} trusts nearly everyone: whoever connects can claim any address, and "
                    "rate limits and bans count for nothing",
                    "List the addresses of your own proxies only.",
                    "trusted_proxies_wide",
                )
            ]
    behind = config.public_url.startswith("https:") and config.certificate is None
    if behind and not config.trusted_proxies:
        return [
            Finding(
                Level.WARNING,
                subject,
                "public_url is https, so a proxy is in front, but none is trusted: all visitors "
                "seem to have the proxy's address, and share its limits",
                'List the proxy\'s address, such as trusted_proxies = ["127.0.0.1"].',
                "trusted_proxies_none",
            )
        ]
    return [Finding(Level.OK, subject, _names(config.trusted_proxies))]


def _names(networks: Sequence[str]) -> str:
    return f"{', '.join(networks)} may say who visits" if networks else "none, none is needed"
