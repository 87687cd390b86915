"""Errors as pages, in words; as JSON for scripts and the API."""

from __future__ import annotations

import logging

import msgspec
from quart import Quart, Response, g, has_request_context, redirect, request, websocket
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core import exhaustion
from metropole_core.errors import MetropoleError, NotSignedIn, Told
from metropole_core.pages.i18n import N_
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import respond, site, wants_json
from metropole_core.pages.views import Rail
from metropole_core.pages.visitor import anonymous, sign_in_path

log = logging.getLogger("metropole.pages")

TITLES = {
    400: N_("That request cannot be read"),
    401: N_("Sign in first"),
    403: N_("That is not allowed"),
    404: N_("Nothing here"),
    405: N_("That does not work here"),
    409: N_("That is taken"),
    413: N_("That is too large"),
    422: N_("That cannot be taken as it is"),
    429: N_("Too many tries"),
    500: N_("Something broke"),
    503: N_("Not now"),
}
SENTENCES = {
    400: N_("The address or the form is malformed. Go back and try again."),
    404: N_("There is no page at this address. It may have been renamed or removed."),
    405: N_("This address does not take that kind of request."),
    413: N_("What you sent is larger than this form takes. Pictures may have up to 5 MB."),
    429: N_("Wait a moment, then try again."),
    500: N_("It is not your fault. The error was written to the log; trying again may help."),
    503: N_("The site is starting, stopping or overloaded. Try again in a moment."),
}


def register(app: Quart) -> None:
    """Handle every error of the app's pages."""
    app.register_error_handler(MetropoleError, on_metropole_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_failure)


async def on_metropole_error(error: MetropoleError) -> Response | WerkzeugResponse:
    """An error that has its own sentence."""
    if error.status >= 500 and not isinstance(error, Told):
        log.error("%s: %s", _what(), error.sentence)
    is_page = has_request_context() and request.method == "GET" and not _is_json()
    if isinstance(error, NotSignedIn) and is_page:
        return redirect(sign_in_path(request.full_path.rstrip("?")), 303)
    response = await error_page(error.status, _(error.sentence), code=error.code)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


async def on_http_error(error: HTTPException) -> Response | WerkzeugResponse:
    """An error of the framework: no route, wrong method, body too large."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    response = await error_page(status, _(SENTENCES.get(status, SENTENCES[400])))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


async def on_failure(error: Exception) -> Response | WerkzeugResponse:
    """A defect. The log has it in full, the person a sentence."""
    if (exhausted := exhaustion.explain(error)) is not None:
        return await on_metropole_error(exhausted)
    log.error("%s failed", _what(), exc_info=error)
    return await error_page(500, _(SENTENCES[500]))


async def error_page(status: int, sentence: str, code: str = "error") -> Response:
    """The page for a status; plain text when even that page cannot be made, and for what asks
    for a WebSocket."""
    if not has_request_context():
        return _plain(status, sentence)
    if _is_json():
        return _json(status, code, sentence)
    try:
        if "visitor" not in g:
            g.visitor = anonymous(site())
        return await respond(
            "error.html",
            status=status,
            shown_status=status,
            rail=Rail([], []) if status >= 500 or status == 429 else None,
            title=_(TITLES.get(status, TITLES[400] if status < 500 else TITLES[500])),
            sentence=sentence,
        )
    except Exception as error:
        if exhaustion.explain(error) is None:
            log.exception("the error page failed")
        return _plain(status, sentence)


def _what() -> str:
    if has_request_context():
        return f"{request.method} {request.path}"
    return f"WebSocket {websocket.path}"


def _plain(status: int, sentence: str) -> Response:
    response = Response(sentence + "\n", status=status, content_type="text/plain; charset=utf-8")
    # Answers to a WebSocket's handshake do not pass where pages get their headers.
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_json() -> bool:
    return request.path.startswith("/api/") or wants_json()


def _json(status: int, code: str, sentence: str) -> Response:
    body = msgspec.json.encode({"error": {"code": code, "sentence": sentence}})
    return Response(body, status=status, content_type="application/json")
