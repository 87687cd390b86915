"""Stored pictures, as the storage keeps them (decoded and re-encoded on the way in)."""

from __future__ import annotations

import asyncio

from quart import Blueprint, Response

from metropole_core.errors import NotFound
from metropole_core.pages.assets import IMMUTABLE
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.page import site
from metropole_core.storage import Storage

blueprint = Blueprint("files", __name__)


@blueprint.get("/files/<path:key>")
async def serve(key: str) -> Response:
    """One file. Keys are random and never reused, so the answer may be kept for ever. Whatever
    it holds, it is a picture to the browser and can run nothing."""
    body = await asyncio.to_thread(_read, site().storage, key)
    if body is None:
        raise NotFound(_("There is no such file."))
    response = Response(body, content_type="image/webp")
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@blueprint.get("/previews/<int:channel_id>.webp")
async def preview(channel_id: int) -> Response:
    """The newest picture out of a channel's stream. Pages ask for it with the time in the query,
    so that browsers fetch it anew when there is another one."""
    body = await asyncio.to_thread(_read, site().storage, f"preview-{channel_id}.webp")
    if body is None:
        raise NotFound(_("There is no such picture."))
    response = Response(body, content_type="image/webp")
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _read(storage: Storage, key: str) -> bytes | None:
    path = storage.path(key)
    try:
        return path.read_bytes() if path is not None else None
    except OSError:
        return None  # it was replaced a moment ago
