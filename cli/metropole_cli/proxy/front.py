"""What a web server in front has to know of a site, read from its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

MEDIA_PATH = "/-/media"
"""Where media is under the one host name. The site serves the same path itself, slower, for those
who cannot reach the media port: whether a web server takes it over or not, the address is good."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Front:
    """A web server in front of a site.

    Fields:
        host: name in its addresses.
        tls: whether it speaks HTTPS.
        port: that it listens on.
        site, media: host and port behind it; no media port, no media.
        certificate, key: files, with TLS.
        cache_dir: folder for parts and playlists.
        lacking: settings that the site needs behind it and has not, as lines of TOML.
    """

    host: str
    tls: bool
    port: int
    site: str
    media: str | None
    certificate: Path
    key: Path
    cache_dir: Path
    lacking: tuple[str, ...]


def front_of(
    config: SiteConfig,
    media_bind: str | None,
    *,
    certificate: Path | None,
    key: Path | None,
    cache_dir: Path,
) -> Front:
    """The web server that fits a site's settings.

    Arguments:
        media_bind: address and port of its media port, None when it has none.
        certificate, key: left out: where certbot puts those of the host.

    Raises:
        ConfigError: `public_url` is no address that a web server could have.
    """
    from metropole_core.errors import ConfigError

    parts = urlsplit(config.public_url)
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ConfigError(
            f"public_url = {config.public_url!r} is not the name of a host. Set it to the address "
            'that people will type, such as "https://live.example".'
        )
    tls = parts.scheme == "https"
    certbot = Path("/etc/letsencrypt/live") / host
    return Front(
        host=host,
        tls=tls,
        port=parts.port or (443 if tls else 80),
        site=reachable(config.bind),
        media=reachable(media_bind) if media_bind is not None else None,
        certificate=certificate or certbot / "fullchain.pem",
        key=key or certbot / "privkey.pem",
        cache_dir=cache_dir,
        lacking=tuple(_lacking(config, media_bind is not None)),
    )


def reachable(bind: str) -> str:
    """Where somebody on the same machine finds what listens on an address."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    host = _WILDCARDS.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _lacking(config: SiteConfig, media: bool) -> list[str]:
    lines = []
    media_url = config.public_url + MEDIA_PATH
    if media and config.media_url != media_url:
        lines.append(f'media_url = "{media_url}"')
    if not config.trusted_proxies:
        lines.append('trusted_proxies = ["127.0.0.1", "::1"]')
    return lines
