"""The administrators' page about people: who is let in, who is blocked, who may stream. It is the
core's own: no theme changes it. To everyone else it does not exist."""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Blueprint, Response, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.accounts.model import AccountState, User
from metropole_core.channels.names import RESERVED, is_name
from metropole_core.errors import NotFound
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import respond, site
from metropole_core.pages.visitor import current_visitor, require_user, sign_in_path

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
Answer = Response | WerkzeugResponse
USER = "<int:user_id>"
MAX_ID = 2**53
STATES = frozenset(state.value for state in AccountState)
STREAMING = {"yes": True, "no": False, "site": None}


def require_admin() -> User:
    """The administrator who asks. Raises NotSignedIn, or NotFound for everyone else."""
    user = require_user()
    if not user.is_admin:
        raise NotFound(_("There is no page at this address. It may have been renamed or removed."))
    return user


@blueprint.get("")
async def index() -> Answer:
    """Straight to the people."""
    if current_visitor().account is None:
        return redirect(sign_in_path("/admin"), 303)
    require_admin()
    return redirect("/admin/people", 303)


@blueprint.get("/people")
async def people() -> Answer:
    """The list, searched (`q`), narrowed (`state`) and in pages (`page`)."""
    if current_visitor().account is None:
        return redirect(sign_in_path("/admin/people"), 303)
    require_admin()
    return await _page()


@blueprint.post(f"/people/{USER}/approve")
async def approve(user_id: int) -> Answer:
    """Let somebody in who waits."""
    by, user = require_admin(), await _user(user_id)
    return await _done(await site().people.approve(user.id, by=by), "approved")


@blueprint.post(f"/people/{USER}/refuse")
async def refuse(user_id: int) -> Answer:
    """Delete the account of somebody who waits."""
    by, user = require_admin(), await _user(user_id)
    if not await _confirmed():
        return await _confirm(
            user,
            _("Refuse %(name)s?"),
            _("The account is deleted, and its name is free again."),
            _("Refuse"),
        )
    return await _done(await site().people.refuse(user.id, by=by), "refused")


@blueprint.post(f"/people/{USER}/block")
async def block(user_id: int) -> Answer:
    """Sign somebody out everywhere and keep them out."""
    by, user = require_admin(), await _user(user_id)
    if not await _confirmed():
        return await _confirm(
            user,
            _("Block %(name)s?"),
            _("They are signed out everywhere and cannot sign in, and their broadcasts end at "
              "once. You can take it back."),
            _("Block"),
        )  # fmt: skip
    return await _done(await site().people.block(user.id, by=by), "blocked")


@blueprint.post(f"/people/{USER}/unblock")
async def unblock(user_id: int) -> Answer:
    """Let somebody in again."""
    by, user = require_admin(), await _user(user_id)
    return await _done(await site().people.unblock(user.id, by=by), "unblocked")


@blueprint.post(f"/people/{USER}/streaming")
async def streaming(user_id: int) -> Answer:
    """Grant the right to stream, revoke it, or leave it to the site's setting."""
    by, user = require_admin(), await _user(user_id)
    chosen = (await request.form).get("streaming", "")
    if chosen not in STREAMING:
        raise NotFound(_("There is no such choice."))
    return await _done(
        await site().people.set_streaming(user.id, STREAMING[chosen], by=by), "streaming"
    )


@blueprint.post(f"/people/{USER}/reset-password")
async def reset_password(user_id: int) -> Answer:
    """Make a one-time link for a new password, and show it once."""
    by, user = require_admin(), await _user(user_id)
    token = await site().credentials.make_link(user, by=by)
    link = f"{site().config.public_url}/reset-password?{urlencode({'token': token})}"
    return await _page(link=link, link_for=user)


async def _user(user_id: int) -> User:
    user = await site().accounts.by_id(user_id) if user_id < MAX_ID else None
    if user is None:
        raise NotFound(_("There is no such account."))
    return user


async def _confirmed() -> bool:
    return (await request.form).get("confirm") == "yes"


async def _confirm(user: User, title: str, sentence: str, button: str) -> Response:
    return await respond(
        "core/admin/confirm.html",
        action=request.path,
        title=title % {"name": user.name},
        sentence=sentence,
        button=button,
        view=await _view(),
    )


async def _done(user: User, what: str) -> WerkzeugResponse:
    query = {**await _view(), "done": what, "who": user.name}
    return redirect(f"/admin/people?{urlencode(query)}", 303)


async def _view() -> dict[str, str]:
    """Which part of the list is looked at, to come back to it."""
    sent = (await request.form) if request.method == "POST" else request.args
    asked = {key: sent.get(key, "")[:60] for key in ("q", "state", "page")}
    return {key: value for key, value in asked.items() if value}


def _done_sentence(what: str, who: str) -> str | None:
    sentences = {
        "approved": _("%(name)s is let in."),
        "refused": _("%(name)s is refused; the name is free again."),
        "blocked": _("%(name)s is blocked and signed out everywhere."),
        "unblocked": _("%(name)s may sign in again."),
        "streaming": _("What %(name)s may stream is set; it applies at once."),
    }
    found = sentences.get(what)
    return found % {"name": who} if found is not None and is_name(who) else None


async def _page(*, link: str | None = None, link_for: User | None = None) -> Response:
    view = await _view()
    state = view.get("state", "")
    number = view.get("page", "1")
    shown = await site().people.page(
        text=view.get("q", ""),
        state=AccountState(state) if state in STATES else None,
        page=int(number) if number.isdecimal() and len(number) < 6 else 1,
    )
    response = await respond(
        "core/admin/people.html",
        shown=shown,
        reserved=RESERVED,
        view=view,
        waiting=await site().people.waiting(),
        setting=site().config.streaming,
        link=link,
        link_for=link_for,
        done=_done_sentence(request.args.get("done", ""), request.args.get("who", "")),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
