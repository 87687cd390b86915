"""The page that makes the first administrator. It is the core's own: no theme changes it."""

from __future__ import annotations

from quart import Blueprint, Response, g, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.errors import MetropoleError
from metropole_core.pages import security
from metropole_core.pages.account import refused
from metropole_core.pages.page import respond, site
from metropole_core.pages.visitor import current_visitor

blueprint = Blueprint("first_run", __name__)
Answer = Response | WerkzeugResponse
PAGE = "core/setup.html"


@blueprint.get("/setup")
async def form() -> Answer:
    """The form, for who has the token; 404 once there is an administrator."""
    token = request.args.get("token", "")
    await site().first_run.check(token, security.network(current_visitor().address))
    return _private(await respond(PAGE, form={"token": token}, errors={}))


@blueprint.post("/setup")
async def make() -> Answer:
    """Make the administrator's account and sign it in."""
    sent, visitor = await request.form, current_visitor()
    peer = security.network(visitor.address)
    try:
        _user, g.new_session = await site().first_run.make_administrator(
            token=sent.get("token", ""),
            name=sent.get("name", "").strip(),
            password=sent.get("password", ""),
            address=peer,
            user_agent=request.headers.get("User-Agent", "")[:200],
        )
    except MetropoleError as error:
        if error.field is None:
            raise
        return _private(await refused(PAGE, error, ("name", "token")))
    if visitor.token is not None:
        await site().accounts.sign_out(visitor.token)
    return redirect("/", 303)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
