"""Channels over the API: read-only, the same for everyone."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Blueprint, Response, request

from metropole_core.api.models import (
    Channel,
    ChannelDetails,
    ChannelList,
    ChannelStatus,
    Playback,
)
from metropole_core.channels.model import Channel as ChannelOfSite
from metropole_core.errors import Invalid, NotFound
from metropole_core.pages.page import pages
from metropole_core.pages.views import Card

blueprint = Blueprint("api_channels", __name__, url_prefix="/api/v1/channels")
MAX_LIMIT = 72
DEFAULT_LIMIT = 24


@blueprint.get("")
async def list_channels() -> Response:
    """Channels, live ones first."""
    limit = _limit(request.args.get("limit"))
    only_live = request.args.get("live", "").lower() in ("true", "1")
    cards = await pages().views.everyone()
    found = [card for card in cards if card.is_live or not only_live]
    return answer(ChannelList([_channel(card) for card in found[:limit]]))


@blueprint.get("/<name>")
async def get_channel(name: str) -> Response:
    """One channel with its live status, and how to play it."""
    here = pages()
    channel = await _find(name)
    card = here.views.card(channel)
    provider = here.site.registry.provider_for(channel.provider)
    sources = provider.playback(channel.ref) if provider is not None and card.is_live else ()
    return answer(
        ChannelDetails(
            **msgspec.structs.asdict(_channel(card)),
            playback=[
                Playback(
                    each.url,
                    each.mime_type,
                    each.latency.value,
                    each.latency_ms,
                    each.target_ms,
                    each.fallback_url,
                )
                for each in sources
            ],
        )
    )


@blueprint.get("/<name>/status")
async def get_status(name: str) -> Response:
    """The live status alone, for those who ask often."""
    return answer(_status(pages().views.card(await _find(name))))


def answer(body: Any) -> Response:
    """JSON that anyone may read, from scripts of other sites too: it depends on no cookie."""
    response = Response(msgspec.json.encode(body), content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=2"
    return response


async def _find(name: str) -> ChannelOfSite:
    channel = await pages().site.channels.by_name(name) if len(name) <= 64 else None
    if channel is None:
        raise NotFound("There is no channel of this name.", code="no_channel")
    return channel


def _channel(card: Card) -> Channel:
    base = pages().site.config.public_url
    return Channel(
        name=card.name,
        display_name=card.display_name,
        title=card.title,
        category=card.category,
        tags=list(card.tags),
        url=f"{base}/{card.name}",
        thumbnail=base + card.cover,
        avatar=base + card.avatar if card.avatar else None,
        status=_status(card),
    )


def _status(card: Card) -> ChannelStatus:
    return ChannelStatus(state=card.state, started_at=card.started_at, viewers=card.viewers)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise Invalid(f"`limit` is a number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)
