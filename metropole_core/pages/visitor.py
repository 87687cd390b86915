"""Who looks at a page: found before each request, kept in `quart.g.visitor`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from quart import g, request

from metropole_core.accounts.rights import WAITING
from metropole_core.errors import Forbidden, NotSignedIn
from metropole_core.pages import security
from metropole_core.pages.i18n import gettext as _

if TYPE_CHECKING:
    from metropole_core.accounts.model import Session, User
    from metropole_core.site import Site

UI_COOKIE = "metropole_ui"
UI_CHOICES: Mapping[str, tuple[str, ...]] = {
    "scheme": ("dark", "light", "system"),
    "rail": ("wide", "narrow"),
    "chat": ("shown", "hidden"),
    "theatre": ("off", "on"),
}
"""What a person may choose about the look; the first of each but the scheme's is the default."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser.

    Fields:
        session: of the person who is signed in here, else None.
        token: that session's secret, needed to sign out.
        guest: the browser's own random name.
        is_new: the browser does not have that name yet: the answer sets the cookie.
        csrf: what its forms must carry.
        address: the real peer.
        ui: its choices about the look, only those that were made.
    """

    session: Session | None
    token: str | None
    guest: str
    is_new: bool
    csrf: str
    address: str
    ui: Mapping[str, str]

    @property
    def account(self) -> User | None:
        """Whoever is signed in, also who still waits for approval; None for guests. Only pages
        about the account itself look at this."""
        return self.session.user if self.session is not None else None

    @property
    def user(self) -> User | None:
        """The account if it counts. Who waits for approval is a guest, everywhere."""
        account = self.account
        return account if account is not None and account.is_active else None


async def find_visitor(site: Site) -> Visitor:
    """Look at the current request."""
    cookies = request.cookies
    token = security.session_token(site, cookies)
    session = await site.accounts.session(token) if token else None
    guest = security.guest_id(site, cookies)
    name = guest or security.new_guest_id()
    return Visitor(
        session=session,
        token=token if session is not None else None,
        guest=name,
        is_new=guest is None,
        csrf=session.csrf if session is not None else security.guest_csrf(site, name),
        address=security.address(site, request.remote_addr, request.headers),
        ui=parse_ui(cookies.get(UI_COOKIE, "")),
    )


def anonymous(site: Site) -> Visitor:
    """Somebody of whom nothing was looked up, for pages that must not fail."""
    guest = security.new_guest_id()
    return Visitor(
        session=None,
        token=None,
        guest=guest,
        is_new=False,
        csrf=security.guest_csrf(site, guest),
        address=security.address(site, request.remote_addr, request.headers),
        ui=parse_ui(request.cookies.get(UI_COOKIE, "")),
    )


def current_visitor() -> Visitor:
    """The visitor of this request."""
    return cast("Visitor", g.visitor)


def require_user() -> User:
    """The signed-in person. Raises NotSignedIn; the error page then leads to the sign-in form
    and back. Raises Forbidden for who waits for approval."""
    user = current_visitor().user
    if user is None:
        if current_visitor().account is not None:
            raise Forbidden(_(WAITING), code="pending")
        raise NotSignedIn(_("Sign in to do that."))
    return user


def parse_ui(cookie: str) -> dict[str, str]:
    """The choices in a cookie such as "scheme-light.rail-narrow"; what is unknown is left out."""
    found = {}
    for part in cookie[:200].split("."):
        key, _dash, value = part.partition("-")
        if value in UI_CHOICES.get(key, ()):
            found[key] = value
    return found


def format_ui(choices: Mapping[str, str]) -> str:
    """The cookie for these choices."""
    return ".".join(f"{key}-{value}" for key, value in sorted(choices.items()))


LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")


def local_path(value: str | None, default: str = "/") -> str:
    """A path on this site to go on to, never another site's address."""
    return value if value and len(value) <= 500 and LOCAL_PATH.fullmatch(value) else default


def sign_in_path(back: str) -> str:
    """The sign-in form that leads back to a path."""
    return f"/signin?next={quote(local_path(back), safe='/')}"
