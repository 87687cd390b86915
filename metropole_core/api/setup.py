"""Puts the API on the app; its description is made when somebody first asks for it, because the
library that makes it costs as much to import as Quart itself."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from quart import Blueprint, Quart, Response, current_app

from metropole_core.api import channels, models

if TYPE_CHECKING:
    from metropole_core.site import Site

PREFIX = "/api/v1/"
meta = Blueprint("api", __name__, url_prefix="/api/v1")
_described: dict[str, bytes] = {}


def register(app: Quart, _site: Site) -> None:
    """Add every route of the API to the app."""
    app.register_blueprint(meta)
    app.register_blueprint(channels.blueprint)


@meta.get("/openapi.json")
async def openapi() -> Response:
    """This description."""
    if PREFIX not in _described:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        _described[PREFIX] = await asyncio.to_thread(_describe, app)
    response = Response(_described[PREFIX], content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def _describe(app: Quart) -> bytes:
    from quart_schema import Info, OpenAPIProvider, QuartSchema, document_response

    views = app.view_functions
    for endpoint, model in {
        "api_channels.list_channels": models.ChannelList,
        "api_channels.get_channel": models.ChannelDetails,
        "api_channels.get_status": models.ChannelStatus,
    }.items():
        document_response(model)(views[endpoint])
        document_response(models.Failure, 404)(views[endpoint])
    for name, value in {
        "QUART_SCHEMA_CONVERT_CASING": False,
        "QUART_SCHEMA_CONVERSION_PREFERENCE": "msgspec",
        "QUART_SCHEMA_PYDANTIC_DUMP_OPTIONS": None,
    }.items():
        app.config.setdefault(name, value)

    class Provider(OpenAPIProvider):
        def generate_rules(self) -> Any:
            return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX)]

    # The extension itself is not installed: it would wrap every answer of the site.
    extension = QuartSchema(info=Info(title="Metropole", version=version("metropole-core")))
    return msgspec.json.encode(Provider(app, extension).schema())
