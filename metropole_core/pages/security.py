"""Who asks, and whether they may: cookies, the real peer, forged requests, response headers.

Forged requests are refused twice over: by what the browser says of their origin (Origin,
Sec-Fetch-Site), and by a token in each form that is bound to the session, or to the guest
cookie where there is none (sign-in and sign-up among them).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from metropole_core.errors import Forbidden
from metropole_core.pages.i18n import gettext as _

if TYPE_CHECKING:
    from metropole_core.accounts.model import Session
    from metropole_core.site import Site


class Headers(Protocol):
    """A request's headers."""

    def get(self, name: str, /) -> str | None: ...

    def getlist(self, name: str, /) -> list[str]: ...


SESSION_SECONDS = 30 * 24 * 3600
GUEST_SECONDS = 365 * 24 * 3600
GUEST_ID = re.compile(r"[A-Za-z0-9_-]{22}")
MAX_FORWARDED = 16
"""Entries of X-Forwarded-For that are looked at, from the right."""

STATIC_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def is_https(site: Site) -> bool:
    """Whether browsers reach the site over TLS."""
    return site.config.public_url.startswith("https://")


def cookie_name(site: Site, name: str) -> str:
    """Name of a cookie of ours. `__Host-` (RFC 6265bis 4.1.3.2) keeps sister hosts from setting
    it; browsers take that prefix over TLS only."""
    return f"__Host-metropole_{name}" if is_https(site) else f"metropole_{name}"


def session_token(site: Site, cookies: Mapping[str, str]) -> str | None:
    """The session's secret as the browser sent it."""
    token = cookies.get(cookie_name(site, "session"))
    return token if token and len(token) <= 128 else None


def guest_id(site: Site, cookies: Mapping[str, str]) -> str | None:
    """The browser's own random name, or None when it has none or a malformed one."""
    value = cookies.get(cookie_name(site, "guest"), "")
    return value if GUEST_ID.fullmatch(value) else None


def new_guest_id() -> str:
    """128 random bits in 22 characters."""
    return secrets.token_urlsafe(16)


def guest_key(site: Site, guest: str) -> str:
    """A guest's `Person.key`: does not tell the cookie it was made from."""
    return "g" + site.keys.hash("guest", guest)[:16]


def person_key(site: Site, cookies: Mapping[str, str], session: Session | None) -> str | None:
    """`Person.key` of who asks, None for a browser that has no guest cookie yet."""
    if session is not None and session.user.is_active:
        return f"u{session.user.id}"
    guest = guest_id(site, cookies)
    return guest_key(site, guest) if guest else None


def guest_csrf(site: Site, guest: str) -> str:
    """The form token of a browser without a session."""
    return site.keys.hash("csrf-guest", guest)


def address(site: Site, remote: str | None, headers: Headers) -> str:
    """The real peer's IP address.

    X-Forwarded-For counts only when the connection comes from a trusted proxy; then the first
    address from the right that is not one itself is the peer's.
    """
    peer = _plain(remote or "")
    trusted = [ipaddress.ip_network(net, strict=False) for net in site.config.trusted_proxies]
    if not trusted or not _within(peer, trusted):
        return peer
    # Some proxies add a line of their own below the one that the client made up; together they
    # are one list (RFC 9110, section 5.3).
    hops = ",".join(headers.getlist("X-Forwarded-For")).split(",")[-MAX_FORWARDED:]
    for hop in reversed([h.strip() for h in hops if h.strip()]):
        candidate = _plain(hop)
        if candidate == hop and not _is_ip(hop):
            break
        peer = candidate
        if not _within(candidate, trusted):
            break
    return peer


def network(peer: str) -> str:
    """What limits count by: the address, for IPv6 its /64, which is what one line has."""
    try:
        ip = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return peer


def _plain(value: str) -> str:
    try:
        ip = ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        return value
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _within(value: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        ip = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def same_origin(site: Site, headers: Headers) -> bool:
    """Whether a browser sent this from one of our own pages.

    A request without any of these headers does not come from a browser of this decade; a form
    then still needs its token.
    """
    if headers.get("Sec-Fetch-Site") not in (None, "same-origin", "none"):
        return False
    origin = headers.get("Origin")
    if origin is None:
        return True
    host = urlsplit(origin).netloc.lower()
    own = urlsplit(site.config.public_url)
    return origin.lower() == f"{own.scheme}://{own.netloc}".lower() or (
        host != "" and host == (headers.get("Host") or "").lower()
    )


def check_form(site: Site, headers: Headers, sent: str, expected: str) -> None:
    """Refuse a forged form. Raises Forbidden."""
    if not same_origin(site, headers):
        raise Forbidden(
            _("This form was sent from another site, so nothing was done."), code="wrong_origin"
        )
    if not sent or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden(
            _("This form is out of date, so nothing was done. Go back, reload the page and try "
              "again."),
            code="csrf",
        )  # fmt: skip


def content_security_policy(site: Site) -> str:
    """The page may use what this site serves, and fetch media from its providers. Nothing
    inline, nothing from elsewhere."""
    media: dict[str, None] = {}
    for provider in site.registry.providers():
        media.update(dict.fromkeys(provider.media_origins()))
    own = urlsplit(site.config.public_url)
    socket = f"{'wss' if own.scheme == 'https' else 'ws'}://{own.netloc}"
    origins = " ".join(media)
    return "; ".join(
        part.strip()
        for part in (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self' {socket} {origins}",
            f"media-src 'self' blob: {origins}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
