"""The addresses under which others reach the site, from the operator's settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from metropole_core.config import SiteConfig

FALLBACK_PATH = "/-/media"
"""Where the site's own port serves what egresses serve at the media port."""


class SiteAddresses:
    """`contracts.context.Addresses` from the settings."""

    def __init__(self, config: SiteConfig) -> None:
        self._config = config

    @property
    def public_url(self) -> str:
        return self._config.public_url

    def media_url(self, port: int) -> str:
        if self._config.media_url is not None:
            return self._config.media_url
        parts = urlsplit(self._config.public_url)
        return f"{parts.scheme}://{_host(parts.hostname)}:{port}"

    @property
    def fallback_url(self) -> str | None:
        if not self._config.media_fallback.enabled:
            return None
        return self._config.public_url + FALLBACK_PATH

    def rtmp_url(self, port: int) -> str:
        if self._config.rtmp_url is not None:
            return self._config.rtmp_url
        host = _host(urlsplit(self._config.public_url).hostname)
        return f"rtmp://{host}" if port == 1935 else f"rtmp://{host}:{port}"

    def rtmps_url(self, port: int) -> str:
        host = _host(urlsplit(self._config.rtmp_url or self._config.public_url).hostname)
        return f"rtmps://{host}" if port == 443 else f"rtmps://{host}:{port}"


def _host(name: str | None) -> str:
    host = name or "127.0.0.1"
    return f"[{host}]" if ":" in host else host
