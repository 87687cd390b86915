"""A channel's own page, and following it."""

from __future__ import annotations

import msgspec
from quart import Blueprint, Response, redirect, request
from werkzeug.wrappers.response import Response as WerkzeugResponse

from metropole_core.channels.model import Channel
from metropole_core.contracts.egress import PlaybackSource
from metropole_core.errors import NotFound
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import page_data, pages, respond, site, wants_json
from metropole_core.pages.views import Card
from metropole_core.pages.visitor import current_visitor, require_user

blueprint = Blueprint("channel", __name__)
HISTORY = 50
NATIVE = "application/vnd.apple.mpegurl"
"""What some browsers play in a bare `<video>`, before or without a script."""


@blueprint.get("/<name>")
async def show(name: str) -> Response | WerkzeugResponse:
    """Player, title, about, chat. `?fragment=page-data` answers the page data alone, for a page
    whose channel has gone live since."""
    channel = await find(name)
    if channel.name != name:
        return redirect(f"/{channel.name}", 301)
    here, visitor = pages(), current_visitor()
    user = visitor.user
    card = here.views.card(channel)
    sources = playback(channel) if card.is_live else ()
    data = page_data(
        card,
        owner=user is not None and user.id == channel.owner_id,
        chat=channel.chat_enabled,
        sources=sources,
    )
    if request.args.get("fragment") == "page-data":
        return Response(msgspec.json.encode(data), content_type="application/json")
    return await respond(
        "channel.html",
        data=data,
        channel=channel,
        card=card,
        native=_native(sources),
        native_type=NATIVE,
        is_owner=user is not None and user.id == channel.owner_id,
        is_following=user is not None and await site().follows.is_following(user.id, channel.id),
        followers=await site().follows.count(channel.id),
        url=f"{site().config.public_url}/{channel.name}",
        # Those who make link previews draw no SVG.
        picture="" if card.cover.endswith(".svg") else site().config.public_url + card.cover,
        messages=await here.chat.history(channel, HISTORY),
        modes=await here.chat.sentences(channel),
    )


@blueprint.post("/<name>/follow")
async def follow(name: str) -> Response | WerkzeugResponse:
    """Follow the channel; doing it twice changes nothing."""
    return await _set_following(name, follow=True)


@blueprint.post("/<name>/unfollow")
async def unfollow(name: str) -> Response | WerkzeugResponse:
    """Stop following it."""
    return await _set_following(name, follow=False)


async def _set_following(name: str, *, follow: bool) -> Response | WerkzeugResponse:
    user = require_user()
    channel = await find(name)
    follows = site().follows
    if follow:
        await follows.follow(user.id, channel.id)
    else:
        await follows.unfollow(user.id, channel.id)
    if wants_json():
        answer = {"following": follow, "followers": await follows.count(channel.id)}
        return Response(msgspec.json.encode(answer), content_type="application/json")
    return redirect(f"/{channel.name}", 303)


async def find(name: str) -> Channel:
    """The channel of that name in any case. Raises NotFound."""
    channel = await site().channels.by_name(name) if len(name) <= 64 else None
    if channel is None:
        raise NotFound(_("There is no channel of this name. It may have been renamed or removed."))
    return channel


def playback(channel: Channel) -> tuple[PlaybackSource, ...]:
    """How to play what is on air, best first; empty when the provider has nothing."""
    provider = site().registry.provider_for(channel.provider)
    return provider.playback(channel.ref) if provider is not None else ()


def _native(sources: tuple[PlaybackSource, ...]) -> list[str]:
    """Addresses for a bare `<video>`, which tries one after the other."""
    source = next((each for each in sources if each.mime_type == NATIVE), None)
    return [] if source is None else [url for url in (source.url, source.fallback_url) if url]


__all__ = ["Card", "blueprint", "find", "playback"]
