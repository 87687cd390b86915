"""The administrators' page about invitations. It is the core's own: no theme changes it."""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Blueprint, Response, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.clock import utc_now
from metropole_core.errors import Invalid, MetropoleError
from metropole_core.pages.admin import MAX_ID, STREAMING, require_admin
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import respond, site
from metropole_core.pages.visitor import current_visitor, sign_in_path

blueprint = Blueprint("invitations", __name__, url_prefix="/admin/invitations")
Answer = Response | WerkzeugResponse
FIELDS = ("note", "uses", "days", "streaming")
EMPTY = {"note": "", "uses": "1", "days": "7", "streaming": "site"}


@blueprint.get("")
async def index() -> Answer:
    """Every invitation, and the form for another one."""
    if current_visitor().account is None:
        return redirect(sign_in_path("/admin/invitations"), 303)
    require_admin()
    return await _page()


@blueprint.post("")
async def make() -> Answer:
    """Make one, and show its link once."""
    by = require_admin()
    form = await request.form
    typed = {key: form.get(key, "")[:200] for key in FIELDS}
    try:
        _invitation, code = await site().accounts.invitations.create(
            by=by,
            note=typed["note"],
            uses=_number(typed["uses"], "uses"),
            days=_number(typed["days"], "days") if typed["days"].strip() else None,
            may_stream=STREAMING.get(typed["streaming"]),
        )
    except MetropoleError as error:
        errors = {error.field or "": _(error.sentence)}
        return await _page(status=error.status, form=typed, errors=errors)
    return await _page(link=f"{site().config.public_url}/signup?{urlencode({'code': code})}")


@blueprint.post("/<int:invitation_id>/revoke")
async def revoke(invitation_id: int) -> Answer:
    """Take one back."""
    by = require_admin()
    await site().accounts.invitations.revoke(min(invitation_id, MAX_ID), by=by)
    return redirect("/admin/invitations?done=revoked", 303)


def _number(text: str, field: str) -> int:
    text = text.strip()
    if not text.isdecimal() or len(text) > 6:
        raise Invalid(_("This has to be a number."), field=field)
    return int(text)


async def _page(
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    link: str | None = None,
) -> Response:
    response = await respond(
        "core/admin/invitations.html",
        status=status,
        invitations=await site().accounts.invitations.all(),
        now=utc_now(site().clock),
        registration=site().config.registration,
        form=form or EMPTY,
        errors=errors or {},
        link=link,
        waiting=await site().people.waiting(),
        done=_("The invitation is revoked: its link lets nobody in any more.")
        if request.args.get("done") == "revoked"
        else None,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
