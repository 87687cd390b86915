"""The creator's pages: state, details, pictures, encoder, chat. Only for the channel's owner;
to everyone else a channel's dashboard does not exist."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Blueprint, Response, redirect, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.channels.model import Channel
from metropole_core.contracts.latency import Latency
from metropole_core.errors import Forbidden, Invalid, MetropoleError, NotFound, OverLimit
from metropole_core.obs import configure
from metropole_core.pages.channel import find, playback
from metropole_core.pages.health_view import health_json, health_view
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.latency_view import latency_choices
from metropole_core.pages.limit_view import notice_view, said, storage_limit, stream_limits
from metropole_core.pages.mode_forms import mode_forms, parse_settings
from metropole_core.pages.multitrack_view import (
    multitrack_choice,
    multitrack_encoders,
    multitrack_pictures,
)
from metropole_core.pages.page import fragment, page_data, pages, respond, site, wants_json
from metropole_core.pages.quality_view import qualities_view
from metropole_core.pages.visitor import current_visitor, require_user, sign_in_path

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")
Answer = Response | WerkzeugResponse
REFUSED_SECONDS = 60
"""How long "End broadcast" refuses the key, since encoders reconnect at once."""

CHANGES = (120, 60.0)
PICTURES = (20, 300.0)
"""How many changes one person may make in so many seconds: every open page of the site is told of
most, and a picture can take a second to decode."""


@blueprint.get("")
async def index() -> Answer:
    """The person's channels; straight to the channel when there is one."""
    user = current_visitor().user
    if user is None:
        return redirect(sign_in_path("/dashboard"), 303)
    channels = await site().channels.of_owner(user.id)
    if len(channels) == 1:
        return redirect(f"/dashboard/{channels[0].name}", 303)
    views = pages().views
    return await respond("dashboard/index.html", cards=[views.card(c) for c in channels])


@blueprint.get("/<name>")
async def channel(name: str) -> Answer:
    """Everything about one channel."""
    if current_visitor().user is None:
        return redirect(sign_in_path(f"/dashboard/{name}"), 303)
    return await _page(await _own(name))


@blueprint.get("/<name>/notices")
async def notices(name: str) -> Answer:
    """What the creator has to know about the encoder: a piece of the page."""
    if current_visitor().user is None:
        return redirect(sign_in_path(f"/dashboard/{name}"), 303)
    found = await _own(name)
    response = await fragment(
        "dashboard/_notices.html", notice=notice_view(site().notices.last(found.id))
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<name>/multitrack.json")
async def multitrack(name: str) -> Answer:
    """The configuration with which OBS makes several qualities, to paste there. No key is in it."""
    if current_visitor().user is None:
        return redirect(sign_in_path(f"/dashboard/{name}"), 303)
    found = await _own(name)
    kind, picture = multitrack_choice(request.args)
    provider = site().registry.provider_for(found.provider)
    points = provider.ingress_points(found.ref) if provider is not None else ()
    limits = await site().limits.of(found.id)
    try:
        made = configure.make(picture, kind, points, limits, site().config.name)
    except configure.NoAnswer as error:
        raise Invalid(_(str(error))) from None
    text = msgspec.json.format(msgspec.json.encode(made), indent=2)
    response = Response(text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<name>/qualities")
async def qualities(name: str) -> Answer:
    """What viewers can choose: a piece of the page."""
    if current_visitor().user is None:
        return redirect(sign_in_path(f"/dashboard/{name}"), 303)
    found = await _own(name)
    response = await fragment(
        "dashboard/_quality_rows.html", qualities=qualities_view(site(), found.id)
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<name>/health")
async def health(name: str) -> Answer:
    """How well the stream arrives: a piece of the page, or JSON for programs."""
    if current_visitor().user is None:
        return redirect(sign_in_path(f"/dashboard/{name}"), 303)
    found = await _own(name)
    known = site().health.of(found.id)
    if wants_json():
        answer = health_json(found.name, known)
        response = Response(answer, content_type="application/json")
    else:
        response = await fragment("dashboard/_health_body.html", health=health_view(known))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/<name>/details")
async def set_details(name: str) -> Answer:
    """Title, category, tags and description."""
    found = await _own(name)
    form = await request.form
    details = {key: form.get(key, "") for key in ("title", "category", "tags", "description")}
    try:
        await site().channels.update(
            found.id,
            title=details["title"].strip(),
            category=details["category"].strip(),
            tags=tuple(tag.strip() for tag in details["tags"].split(",") if tag.strip()),
            description=details["description"].strip(),
        )
    except MetropoleError as error:
        errors = {error.field or "details": error.sentence}
        return await _page(found, status=error.status, form=details, errors=errors)
    return _done(found, "details")


@blueprint.post("/<name>/thumbnail")
async def set_thumbnail(name: str) -> Answer:
    """The picture that stands for the channel while it has no live one."""
    return await _set_picture(name, "thumbnail")


@blueprint.post("/<name>/avatar")
async def set_avatar(name: str) -> Answer:
    """The channel's round picture."""
    return await _set_picture(name, "avatar")


@blueprint.post("/<name>/key")
async def reveal_key(name: str) -> Answer:
    """Show the stream key: never part of a page that was not asked for it."""
    found = await _own(name, to_stream=True)
    key = await site().channels.stream_key(found.id)
    if wants_json():
        response = Response(msgspec.json.encode({"key": key}), content_type="application/json")
    else:
        response = await _page(found, key=key)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/<name>/key/rotate")
async def rotate_key(name: str) -> Answer:
    """A new key; the old one is refused from now on, and who publishes with it is cut off."""
    found = await _own(name, to_stream=True)
    if not await _confirmed():
        return await _confirm(
            found,
            _("Make a new stream key?"),
            _("The old key stops working at once. Whoever streams with it is cut off, and your "
              "encoder needs the new one."),
            _("Make a new key"),
        )  # fmt: skip
    await site().channels.rotate_key(found.id)
    return _done(found, "rotated")


@blueprint.post("/<name>/end")
async def end_broadcast(name: str) -> Answer:
    """End the broadcast now, and keep the encoder from starting it again at once."""
    found = await _own(name)
    if not await _confirmed():
        return await _confirm(
            found,
            _("End this broadcast?"),
            _("Viewers see that it is over. Your stream key is refused for 60 seconds, because "
              "encoders reconnect at once: stop your encoder too."),
            _("End broadcast"),
        )  # fmt: skip
    await site().status.end_by_creator(found.id)
    return _done(found, "ended")


@blueprint.post("/<name>/chat")
async def set_chat(name: str) -> Answer:
    """Switch the channel's chat on or off."""
    found = await _own(name)
    enabled = (await request.form).get("enabled") == "on"
    await site().channels.set_chat_enabled(found.id, enabled)
    if wants_json():
        return _json({"enabled": enabled})
    return _done(found, "chat")


@blueprint.post("/<name>/latency")
async def set_latency(name: str) -> Answer:
    """How close to live the next broadcast is played."""
    found = await _own(name)
    chosen = (await request.form).get("latency", "")
    if chosen not in [each.value for each in Latency]:
        errors = {"latency": _("Choose one of the three.")}
        return await _page(found, status=422, errors=errors)
    await site().channels.set_latency(found.id, Latency(chosen))
    return _done(found, "latency")


@blueprint.post("/<name>/modes/<mode>")
async def set_mode(name: str, mode: str) -> Answer:
    """Switch a chat mode, or set it otherwise."""
    found = await _own(name)
    chosen = site().registry.chat_mode(mode)
    if chosen is None:
        raise NotFound(_("This chat mode is not installed any more."))
    form = await request.form
    settings, errors = parse_settings(chosen, form)
    if settings is None:
        if wants_json():
            return _json({"errors": errors}, 422)
        return await _page(found, status=422, mode_errors={mode: (dict(form), errors)})
    enabled = form.get("enabled") == "on"
    await pages().chat.set_mode(found, chosen, enabled=enabled, settings=settings)
    if wants_json():
        states = await pages().chat.modes(found)
        sentence = next((s.sentence for s in states if s.mode.name == mode), "")
        return _json({"enabled": enabled, "sentence": sentence})
    return _done(found, "modes")


async def _own(name: str, *, to_stream: bool = False) -> Channel:
    """The channel, if the signed-in person owns it, and has not changed too much already.

    Arguments:
        to_stream: whether they must have the right to stream for what they want.
    """
    user = require_user()
    found = await find(name)
    if found.owner_id != user.id:
        raise NotFound(_("There is no such channel among yours."))
    if request.method == "POST":
        await site().rate_limit.hit(f"changes/{user.id}", *CHANGES)
    why_not = site().rights.why_not(user) if to_stream else None
    if why_not is not None:
        raise Forbidden(_(why_not), code="not_allowed")
    return found


async def _set_picture(name: str, kind: str) -> Answer:
    found = await _own(name)
    sent = (await request.files).get("picture")
    try:
        data = _picture(sent)
        await site().rate_limit.hit(f"pictures/{found.owner_id}", *PICTURES)
        if kind == "thumbnail":
            await site().channels.set_thumbnail(found.id, data)
        else:
            await site().channels.set_avatar(found.id, data)
    except OverLimit as error:
        return await _page(found, status=error.status, errors={kind: said(error.words)})
    except MetropoleError as error:
        return await _page(found, status=error.status, errors={kind: error.sentence})
    return _done(found, kind)


def _picture(sent: FileStorage | None) -> bytes:
    data = sent.read() if sent is not None else b""
    if not data:
        raise Invalid(_("Choose a picture first: JPEG, PNG or WebP of at most 5 MB."))
    return data


async def _confirmed() -> bool:
    return (await request.form).get("confirm") == "yes"


async def _confirm(found: Channel, title: str, sentence: str, button: str) -> Response:
    return await respond(
        "dashboard/confirm.html",
        channel=found,
        action=request.path,
        title=title,
        sentence=sentence,
        button=button,
    )


def _done(found: Channel, what: str) -> WerkzeugResponse:
    return redirect(f"/dashboard/{found.name}?done={what}", 303)


def _json(answer: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status=status, content_type="application/json")


def done_sentences() -> dict[str, str]:
    """What the page says after each change."""
    return {
        "details": _("Saved. Everyone who watches sees it already."),
        "thumbnail": _("The new thumbnail is shown from now on."),
        "avatar": _("The new picture is shown from now on."),
        "rotated": _("You have a new stream key; the old one is refused. Put the new one into "
                     "your encoder."),
        "ended": _("The broadcast has ended. Your key is refused for 60 seconds, so that your "
                   "encoder does not start it again: stop it now."),
        "chat": _("The chat switch is set."),
        "latency": _("Saved. It holds from your next broadcast on; one that runs stays as it is."),
        "modes": _("The chat mode is set; it applies at once."),
    }  # fmt: skip


async def _page(
    found: Channel,
    *,
    status: int = 200,
    key: str | None = None,
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    mode_errors: dict[str, tuple[dict[str, Any], dict[str, str]]] | None = None,
) -> Response:
    here = pages()
    card = here.views.card(found)
    provider = here.site.registry.provider_for(found.provider)
    limits = await here.site.limits.of(found.id)
    refused_until = await here.site.channels.refused_until(found.id)
    response = await respond(
        "dashboard/channel.html",
        status=status,
        data=page_data(
            card,
            owner=True,
            chat=found.chat_enabled,
            sources=playback(found) if card.is_live else (),
        ),
        channel=found,
        card=card,
        provider=provider.title if provider is not None else None,
        points=provider.ingress_points(found.ref) if provider is not None else (),
        key=key,
        why_not=here.site.rights.why_not(require_user()),
        refused_until=refused_until,
        notice=notice_view(here.site.notices.last(found.id)),
        health=health_view(here.site.health.of(found.id)),
        qualities=qualities_view(here.site, found.id),
        stream_limits=stream_limits(limits),
        storage_limit=storage_limit(limits),
        followers=await here.site.follows.count(found.id),
        channels=await here.site.channels.of_owner(found.owner_id),
        url=f"{here.site.config.public_url}/{found.name}",
        multitrack_encoders=multitrack_encoders(),
        multitrack_pictures=multitrack_pictures(),
        multitrack_url=f"{here.site.config.public_url}/api/v1/obs/multitrack",
        done=done_sentences().get(request.args.get("done", "")) if not errors else None,
        form=form
        or {
            "title": found.title,
            "category": found.category,
            "tags": ", ".join(found.tags),
            "description": found.description,
        },
        errors=errors or {},
        latencies=latency_choices(found.latency, here.site.config.latency),
        modes=mode_forms(await here.chat.modes(found), mode_errors or {}),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
