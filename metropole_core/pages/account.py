"""Signing up, in and out, and making another channel."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, Response, g, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.errors import MetropoleError
from metropole_core.pages import security
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import respond, site
from metropole_core.pages.visitor import (
    current_visitor,
    local_path,
    require_user,
    sign_in_path,
)

blueprint = Blueprint("account", __name__)
Answer = Response | WerkzeugResponse


@blueprint.get("/signup")
async def sign_up_form() -> Answer:
    """The form that makes an account and its first channel."""
    visitor = current_visitor()
    if visitor.account is not None:
        return redirect("/dashboard" if visitor.user is not None else "/account", 303)
    code = request.args.get("code", "")[:100]
    return await respond(
        "signup.html",
        form={"next": _next(), "code": code},
        errors={},
        registration=site().config.registration,
    )


@blueprint.post("/signup")
async def sign_up() -> Answer:
    """Make the account, sign in, and go on."""
    form = await request.form
    visitor = current_visitor()
    try:
        user, g.new_session = await site().accounts.sign_up(
            name=form.get("name", "").strip(),
            password=form.get("password", ""),
            email=form.get("email", "").strip() or None,
            display_name=form.get("display_name", "").strip() or None,
            address=security.network(visitor.address),
            user_agent=request.headers.get("User-Agent", "")[:200],
            code=form.get("code", ""),
        )
    except MetropoleError as error:
        keep = ("name", "email", "display_name", "next", "code")
        return await refused("signup.html", error, keep, registration=site().config.registration)
    if visitor.token is not None:
        await site().accounts.sign_out(visitor.token)
    if not user.is_active:
        return redirect("/account", 303)
    return redirect(local_path(form.get("next"), "/dashboard"), 303)


@blueprint.get("/signin")
async def sign_in_form() -> Answer:
    """The sign-in form; `next` is where to go afterwards."""
    visitor = current_visitor()
    if visitor.account is not None:
        return redirect(_next() if visitor.user is not None else "/account", 303)
    return await respond(
        "signin.html",
        form={"next": _next()},
        errors={},
        new_password=request.args.get("done") == "password",
    )


@blueprint.post("/signin")
async def sign_in() -> Answer:
    """Start a session."""
    form = await request.form
    visitor = current_visitor()
    try:
        user, g.new_session = await site().accounts.sign_in(
            login=form.get("login", "").strip(),
            password=form.get("password", ""),
            address=security.network(visitor.address),
            user_agent=request.headers.get("User-Agent", "")[:200],
        )
    except MetropoleError as error:
        return await refused("signin.html", error, ("login", "next"), new_password=False)
    if visitor.token is not None:
        await site().accounts.sign_out(visitor.token)
    if not user.is_active:
        return redirect("/account", 303)
    return redirect(local_path(form.get("next")), 303)


@blueprint.post("/signout")
async def sign_out() -> Answer:
    """End this browser's session."""
    token = current_visitor().token
    if token is not None:
        await site().accounts.sign_out(token)
    g.new_session = None
    return redirect("/", 303)


@blueprint.get("/new-channel")
async def new_channel_form() -> Answer:
    """The form for one more channel."""
    if current_visitor().user is None:
        return redirect(sign_in_path("/new-channel"), 303)
    return await respond("new_channel.html", form={}, errors={})


@blueprint.post("/new-channel")
async def new_channel() -> Answer:
    """Make it, and show its dashboard."""
    user = require_user()
    form = await request.form
    try:
        channel = await site().channels.create(
            user.id,
            form.get("name", "").strip(),
            form.get("display_name", "").strip() or None,
        )
    except MetropoleError as error:
        return await refused("new_channel.html", error, ("name", "display_name"))
    return redirect(f"/dashboard/{channel.name}", 303)


async def refused(
    template: str, error: MetropoleError, keep: tuple[str, ...], **context: Any
) -> Response:
    """The form again, with what the person typed (never a password) and what is wrong, beside
    the field it belongs to or above the form."""
    form = await request.form
    response = await respond(
        template,
        status=error.status,
        form={key: form.get(key, "")[:500] for key in keep},
        errors={error.field or "": _(error.sentence)},
        **context,
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def _next() -> str:
    return local_path(request.args.get("next"))
