"""The home page, whom one follows, choices about the look, and the sign of life."""

from __future__ import annotations

from quart import Blueprint, Response, g, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.pages import security
from metropole_core.pages.page import fragment, pages, respond
from metropole_core.pages.visitor import (
    UI_CHOICES,
    UI_COOKIE,
    current_visitor,
    format_ui,
    local_path,
    sign_in_path,
)

blueprint = Blueprint("home", __name__)
MAX_FOLLOWING = 120
"""Channels on one page."""


@blueprint.get("/")
async def index() -> Response:
    """Live channels first. `?fragment=cards` and `?fragment=rail` answer pieces for scripts."""
    here, visitor = pages(), current_visitor()
    user = visitor.user
    wanted = request.args.get("fragment")
    cards = await here.views.everyone()
    if wanted == "rail":
        return await fragment("_rail.html", rail=await here.views.rail(user, cards))
    view = here.views.home(cards)
    if wanted == "cards":
        return await fragment("_cards.html", home=view)
    return await respond(
        "home.html",
        rail=await here.views.rail(user, cards),
        home=view,
        missing=here.missing() if user is not None and user.is_admin else [],
        is_new=await here.site.first_run.is_open(),
    )


@blueprint.get("/following")
async def following() -> Response | WerkzeugResponse:
    """Every channel that the signed-in person follows."""
    user = current_visitor().user
    if user is None:
        return redirect(sign_in_path("/following"), 303)
    cards = await pages().views.following(user)
    return await respond("following.html", cards=cards[:MAX_FOLLOWING])


@blueprint.post("/preferences")
async def preferences() -> WerkzeugResponse:
    """Choose something about the look without a script."""
    form = await request.form
    key, value = form.get("key", ""), form.get("value", "")
    response = redirect(local_path(form.get("next")), 303)
    if value in UI_CHOICES.get(key, ()):
        choices = {**g.visitor.ui, key: value}
        response.set_cookie(
            UI_COOKIE,
            format_ui(choices),
            max_age=security.GUEST_SECONDS,
            path="/",
            secure=security.is_https(pages().site),
            samesite="Lax",
        )
    return response


@blueprint.get("/healthz")
async def healthz() -> Response:
    """200 while the site answers and its database does. The doctor knows a site by these words,
    and by the header whether the public address leads to this very one."""
    await pages().site.db.ping()
    answer = Response("metropole: ok\n", content_type="text/plain; charset=utf-8")
    answer.headers["Metropole-Instance"] = pages().site.instance
    return answer
