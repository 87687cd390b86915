"""Drawn pictures: covers of channels without one, the site's icon."""

from __future__ import annotations

from quart import Blueprint, Response

from metropole_core.errors import NotFound
from metropole_core.pages import art
from metropole_core.pages.i18n import gettext as _

blueprint = Blueprint("art", __name__)
DAY = "public, max-age=86400"


@blueprint.get("/art/<name>.svg")
async def cover(name: str) -> Response:
    """A channel's drawn cover; any name has one, whether a channel bears it or not."""
    if not (name.isascii() and name.replace("_", "").isalnum() and len(name) <= 25):
        raise NotFound(_("There is no such picture."))
    return _svg(art.cover(name.lower()))


@blueprint.get("/favicon.svg")
async def icon() -> Response:
    """The site's icon."""
    return _svg(art.FAVICON)


@blueprint.get("/favicon.ico")
async def favicon() -> Response:
    """Browsers ask for it unasked; they take an SVG from here too."""
    return _svg(art.FAVICON)


def _svg(text: str) -> Response:
    response = Response(text, content_type="image/svg+xml")
    response.headers["Cache-Control"] = DAY
    return response
