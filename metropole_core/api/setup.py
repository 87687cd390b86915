"""Puts the API on the app; its description is made when somebody first asks for it, because the
library that makes it costs as much to import as Quart itself."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import msgspec
from quart import Blueprint, Quart, Response, current_app

from metropole_core.api import channels, models, obs
from metropole_core.obs.answer import Answer

if TYPE_CHECKING:
    from metropole_core.site import Site

PREFIX = "/api/v1/"
meta = Blueprint("api", __name__, url_prefix="/api/v1")
_described: dict[str, bytes] = {}


def register(app: Quart, _site: Site) -> None:
    """Add every route of the API to the app."""
    app.register_blueprint(meta)
    app.register_blueprint(channels.blueprint)
    app.register_blueprint(obs.blueprint)


@meta.get("/openapi.json")
async def openapi() -> Response:
    """This description."""
    if PREFIX not in _described:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        _described[PREFIX] = msgspec.json.encode(await asyncio.to_thread(describe, app))
    response = Response(_described[PREFIX], content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


ANSWERS: dict[str, tuple[type[msgspec.Struct], int]] = {
    "api_channels.list_channels": (models.ChannelList, 422),
    "api_channels.get_channel": (models.ChannelDetails, 404),
    "api_channels.get_status": (models.ChannelStatus, 404),
    "api_obs.multitrack": (Answer, 422),
}
"""Route: what it answers, and the status of its usual failure."""

QUERY: dict[str, dict[str, tuple[dict[str, Any], str]]] = {
    "/api/v1/channels": {
        "limit": (
            {
                "type": "integer",
                "minimum": 1,
                "maximum": channels.MAX_LIMIT,
                "default": channels.DEFAULT_LIMIT,
            },
            "How many channels at most.",
        ),
        "live": ({"type": "boolean", "default": False}, "Leave out who is off air."),
    },
}
"""Path: its query parameters, their schema and meaning."""


def describe(app: Quart) -> dict[str, Any]:
    """The OpenAPI document of the app's API."""
    from quart_schema import Info, OpenAPIProvider, QuartSchema, document_response

    for endpoint, (model, failure) in ANSWERS.items():
        document_response(model)(app.view_functions[endpoint])
        document_response(models.Failure, failure)(app.view_functions[endpoint])
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
    document: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(Provider(app, extension).schema())
    )
    _complete(document)
    return document


def _complete(document: dict[str, Any]) -> None:
    """The library puts each answer in its place and leaves out what that refers to: here every
    object gets a name of its own, and the query parameters are added."""
    kinds = [*(model for model, _ in ANSWERS.values()), models.Failure]
    _, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    for schema in components.values():
        schema["description"] = cleandoc(schema.get("description", ""))
    document["components"] = {"schemas": components}
    for path, calls in document["paths"].items():
        for call in calls.values():
            call["description"] = call.get("description", "").strip()
            for name, (schema, meaning) in QUERY.get(path, {}).items():
                parameter = {"name": name, "in": "query", "schema": schema, "description": meaning}
                call["parameters"].append(parameter)
            for answer in call["responses"].values():
                for content in answer.get("content", {}).values():
                    title = content["schema"].get("title")
                    if title in components:
                        content["schema"] = {"$ref": f"#/components/schemas/{title}"}
