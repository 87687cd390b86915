"""The account's own page, and new passwords: by the old one, or by a one-time link."""

from __future__ import annotations

from quart import Blueprint, Response, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.errors import MetropoleError
from metropole_core.pages import security
from metropole_core.pages.account import refused
from metropole_core.pages.page import respond, site
from metropole_core.pages.visitor import current_visitor, require_user, sign_in_path

blueprint = Blueprint("passwords", __name__)
Answer = Response | WerkzeugResponse


@blueprint.get("/account")
async def account() -> Answer:
    """Whose account it is, and the form for another password; that it waits, when it does."""
    if current_visitor().account is None:
        return redirect(sign_in_path("/account"), 303)
    done = request.args.get("done") == "password"
    return await respond("account.html", form={}, errors={}, done=done)


@blueprint.post("/account/password")
async def change() -> Answer:
    """Set another password; every other session ends."""
    user, visitor = require_user(), current_visitor()
    form = await request.form
    try:
        await site().credentials.change(
            user,
            old=form.get("old", ""),
            new=form.get("password", ""),
            keep=visitor.token or "",
        )
    except MetropoleError as error:
        return await refused("account.html", error, (), done=False)
    return redirect("/account?done=password", 303)


@blueprint.get("/forgot-password")
async def forgotten() -> Answer:
    """What to do; the same for everyone, so that it tells nobody who has an account."""
    return await respond("forgot_password.html")


@blueprint.get("/reset-password")
async def reset_form() -> Answer:
    """The form of a one-time link."""
    token = request.args.get("token", "")
    user = await site().credentials.whose(token, security.network(current_visitor().address))
    return _private(
        await respond(
            "reset_password.html", form={"token": token}, errors={}, account_name=user.name
        )
    )


@blueprint.post("/reset-password")
async def reset() -> Answer:
    """Choose the new password; the link is void then."""
    form = await request.form
    token, peer = form.get("token", ""), security.network(current_visitor().address)
    user = await site().credentials.whose(token, peer)
    try:
        await site().credentials.use_link(token, form.get("password", ""), peer)
    except MetropoleError as error:
        if error.field is None:
            raise
        return _private(
            await refused("reset_password.html", error, ("token",), account_name=user.name)
        )
    return redirect("/signin?done=password", 303)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
