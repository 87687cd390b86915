"""What OBS Studio asks before it goes live with several qualities (multitrack video)."""

from __future__ import annotations

import msgspec
from quart import Blueprint, Response, request

from metropole_core.contracts.publishing import Refusal
from metropole_core.errors import Forbidden, Invalid
from metropole_core.obs import configure, wish
from metropole_core.pages import security
from metropole_core.pages.page import pages

blueprint = Blueprint("api_obs", __name__, url_prefix="/api/v1/obs")


@blueprint.post("/multitrack")
async def multitrack() -> Response:
    """The encoders that OBS is to run, for the channel whose stream key stands in the request
    (`authentication`). What is refused is answered with status 200 and a sentence, since OBS
    shows nothing of other answers."""
    site = pages().site
    if not security.same_origin(site, request.headers):
        # A page could have its visitors send wrong keys until their own encoders are refused.
        raise Forbidden("OBS asks this, not a page of another site.", code="wrong_origin")
    try:
        body = await request.get_data(as_text=False)
        assert isinstance(body, bytes)
        wished = wish.read(body)
    except ValueError as error:
        raise Invalid(f"This is no request of OBS: {str(error)[:200]}.") from None
    peer = security.address(site, request.remote_addr, request.headers)
    service = site.config.name
    found = await site.publishing.channel_of(wished.authentication, peer)
    if isinstance(found, Refusal):
        return _json(configure.refusal(service, found.sentence))
    provider = site.registry.provider_for(found.provider)
    points = provider.ingress_points(found.ref) if provider is not None else ()
    limits = await site.limits.of(found.id)
    try:
        return _json(configure.for_request(wished, points, limits, service))
    except configure.NoAnswer as error:
        return _json(configure.refusal(service, str(error)))


def _json(body: object) -> Response:
    response = Response(msgspec.json.encode(body), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
