"""Puts the pages on the app: routes, the look at each request, the headers of each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quart import Quart, Response, g, request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge
from werkzeug.routing import RequestRedirect

from metropole_core.clock import utc_now
from metropole_core.errors import NotSignedIn, TooMany
from metropole_core.pages import (
    account,
    admin,
    art_routes,
    assets,
    capacity,
    channel,
    dashboard,
    errors,
    files,
    first_run,
    home,
    invitations,
    media,
    passwords,
    search,
    security,
)
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import Pages, pages
from metropole_core.pages.visitor import Visitor, find_visitor, local_path

if TYPE_CHECKING:
    from metropole_core.site import Site

MAX_FORM_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 6 * 1024 * 1024
"""A picture of at most 5 MiB and its form."""

JUST_NOW = 60.0
"""Seconds."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
UPLOADS = frozenset({"dashboard.set_thumbnail", "dashboard.set_avatar"})
LOOSE = frozenset({"assets.serve", "files.serve", "files.preview", "home.healthz", "art.cover",
                   "art.favicon", "art.icon"})  # fmt: skip
"""Endpoints that are the same for everyone: no session is looked up, no cookie set."""
API = frozenset({"api", "api_channels", "api_obs"})
"""Blueprints of the API, of which the same holds while it only reads."""
KEYED = frozenset({"api_obs.multitrack"})
"""Endpoints for programs that say who they are in the body: no cookie counts, so none can be
misused by another site."""


def register(app: Quart, site: Site) -> None:
    """Add every page to the app."""
    app.extensions["pages"] = Pages(site)
    app.before_request(_look_at_request)
    app.after_request(_finish_answer)
    errors.register(app)
    if site.config.media_fallback.enabled:
        app.extensions["media"] = media.SitePort(site)
        app.register_blueprint(media.blueprint)
    for module in (home, account, passwords, first_run, admin, invitations, capacity, art_routes,
                   assets, files, dashboard, search, channel):  # fmt: skip
        app.register_blueprint(module.blueprint)


async def _look_at_request() -> None:
    here = pages()
    uploads = request.endpoint in UPLOADS
    if request.method not in SAFE:
        await _check_length(MAX_UPLOAD_BYTES if uploads else MAX_FORM_BYTES)
    if request.endpoint == media.ENDPOINT:
        return  # players read no words, and ask ten times a second
    here.catalogs.use(request.accept_languages.best_match(here.catalogs.languages) or "en")
    if request.method in SAFE and request.endpoint in LOOSE:
        return  # costs little, and a page may show a hundred pictures
    wait = here.pace.take(security.address(here.site, request.remote_addr, request.headers))
    if wait:
        raise TooMany(
            _("Too many requests came from your address. Wait a moment."), retry_after=wait
        )
    if request.endpoint in KEYED or (request.method in SAFE and request.blueprint in API):
        return
    g.visitor = await find_visitor(here.site)
    if uploads and g.visitor.user is None:
        raise NotSignedIn(_("Sign in to do that."))  # before megabytes of a stranger are read
    if request.method not in SAFE:
        sent = request.headers.get("X-CSRF-Token") or (await request.form).get("csrf", "")
        security.check_form(here.site, request.headers, sent, g.visitor.csrf)


async def _check_length(limit: int) -> None:
    """Refuse a body that this form never has, before it is read.

    Raises:
        RequestEntityTooLarge: it is longer than `limit` octets.
        LengthRequired: it does not say how long it is. Browsers always do.
    """
    length = request.content_length
    if length is None:
        if "Transfer-Encoding" in request.headers or request.http_version == "2":
            raise LengthRequired
        length = len(await request.get_data())  # HTTP/1.1 without either: there is none
    if length > limit:
        raise RequestEntityTooLarge


async def _finish_answer(response: Response) -> Response:
    if request.endpoint == media.ENDPOINT and "Content-Security-Policy" in response.headers:
        return response  # complete already, unless it is one of our own refusals
    if isinstance(request.routing_exception, RequestRedirect):
        response = _along(request.routing_exception)
    site = pages().site
    for name, value in security.STATIC_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(
        "Cross-Origin-Resource-Policy", "cross-origin" if _is_for_all(response) else "same-origin"
    )
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = security.content_security_policy(site)
    visitor = g.get("visitor")
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers["Vary"] = "Cookie, Accept-Language"
        if visitor is not None and visitor.is_new:
            _set_cookie(site, response, "guest", visitor.guest, security.GUEST_SECONDS)
        if "new_session" not in g and visitor is not None and _starts_anew(site, visitor):
            g.new_session = visitor.token
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    if "new_session" in g:
        if g.new_session is None:
            response.delete_cookie(
                security.cookie_name(site, "session"),
                path="/",
                secure=security.is_https(site),
                httponly=True,
                samesite="Lax",
            )
        else:
            _set_cookie(site, response, "session", g.new_session, security.SESSION_SECONDS)
    return response


def _along(error: RequestRedirect) -> Response:
    """A redirect of the router, to the path alone: the host that it puts before it is the one that
    was asked, and anybody can ask for any. Quart does not show it to error handlers."""
    there = urlsplit(error.new_url)
    path = there.path + (f"?{there.query}" if there.query else "")
    headers = {"Location": local_path(path)}
    return Response(b"", error.code, headers, content_type="text/html; charset=utf-8")


def _is_for_all(response: Response) -> bool:
    """Whether pages of other sites may show or read it, as they may any picture."""
    return request.endpoint in LOOSE or "Access-Control-Allow-Origin" in response.headers


def _starts_anew(site: Site, visitor: Visitor) -> bool:
    """Whether the session's days are counted from just now on: then the cookie's are, too."""
    if visitor.session is None:
        return False
    left = visitor.session.expires_at - utc_now(site.clock)
    return left.total_seconds() > security.SESSION_SECONDS - JUST_NOW


def _set_cookie(site: Site, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        security.cookie_name(site, name),
        value,
        max_age=seconds,
        path="/",
        secure=security.is_https(site),
        httponly=True,
        samesite="Lax",
    )
