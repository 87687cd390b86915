"""Searching channels."""

from __future__ import annotations

from quart import Blueprint, Response, request

from metropole_core.pages.page import pages, respond

blueprint = Blueprint("search", __name__)
MAX_QUERY = 100


@blueprint.get("/search")
async def search() -> Response:
    """Channels whose name, title, category or tags hold the words, live first."""
    query = " ".join(request.args.get("q", "")[:MAX_QUERY].split())
    cards = await pages().views.search(query) if query else []
    return await respond("search.html", query=query, cards=cards)
