"""Media through the site's own port, for players that cannot reach the media port.

The second adapter over an egress's origin, beside the listener of the media port: the same
requests, the same answers, at more than ten times the CPU. So it is capped, and beyond a number of
waiting reloads it answers with what there is instead of letting one more wait. Answers are the
same for everyone: nobody is looked up and no cookie set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from quart import Blueprint, Response, current_app, request
from werkzeug.datastructures import Headers

from metropole_core.addresses import FALLBACK_PATH
from metropole_core.pages import security
from metropole_core.streams.fallback import SEAT_SECONDS
from metropole_media.http import origin as media
from metropole_media.http.encoding import wants_gzip
from metropole_media.http.limits import PREFLIGHT, refusal
from metropole_media.http.ranges import apply_range

if TYPE_CHECKING:
    from metropole_core.site import Site

log = logging.getLogger("metropole.media")

ENDPOINT = "media.serve"
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
MAX_WAIT = 30.0
"""Seconds that any request may wait, whatever its origin asks for."""
SEND_SECONDS = 30.0
"""In which a client has to take an answer."""
PIECE = 256 * 1024
"""Octets of a long body that are handed on at once."""
TOLD_EVERY = 60.0
"""Seconds between two lines in the log about the same thing."""
FULL = media.Response(
    503,
    b"the site's port has no room for one more viewer, and the media port cannot be reached\n",
    (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Access-Control-Allow-Origin", "*"),
        ("Retry-After", str(round(SEAT_SECONDS))),
        ("Metropole-Fallback", "full"),  # the player tells it from other 503s by this
    ),
)
POLICY = "default-src 'none'; frame-ancestors 'none'"

blueprint = Blueprint("media", __name__)


class SitePort:
    """Answers for the origins of the site's egresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._waiting: set[asyncio.Future[media.Response]] = set()
        self._told: dict[str, float] = {}
        site.closing.append(self._say_goodbye)

    async def answer(self, prefix: str, asked: media.Request, address: str) -> media.Response:
        """What an origin says, waited for if need be."""
        origin = next(
            (one.origin for one in self._site.registry.egresses() if one.prefix == prefix), None
        )
        if origin is None:
            return refusal(404, "there is nothing here")
        try:
            found = origin.handle(asked)
        except Exception as error:
            return self._failed(prefix, error)
        if isinstance(found, media.Response) and found.status >= 400:
            return found
        seats = self._site.media_fallback
        stream = f"{prefix}/{asked.path.partition('/')[0]}"
        if not seats.take_seat(address, stream, asked.headers.get("user-agent", "")):
            if self._may_tell("full"):
                log.warning(
                    "no room for one more viewer at the site's port (%d play there): see to it "
                    "that the media port can be reached, or raise max_viewers of [media_fallback]",
                    seats.viewers,
                )
            return FULL
        if isinstance(found, media.Response):
            return found
        try:
            return await self._wait(found)
        except Exception as error:
            return self._failed(prefix, error)

    async def _wait(self, pending: media.Pending) -> media.Response:
        if pending.answer is not None:
            return pending.answer
        seats = self._site.media_fallback
        if not seats.may_wait:
            return pending.expired()
        future: asyncio.Future[media.Response] = asyncio.get_running_loop().create_future()
        seats.waiting += 1
        self._waiting.add(future)
        pending.add(id(future), lambda answer: None if future.done() else future.set_result(answer))
        try:
            async with asyncio.timeout(min(pending.timeout, MAX_WAIT)):
                return await future
        except TimeoutError:
            return pending.expired()
        finally:
            # Also when the client has left, which cancels us.
            pending.discard(id(future))
            self._waiting.discard(future)
            seats.waiting -= 1

    async def _say_goodbye(self) -> None:
        """The site stops: nobody waits any longer."""
        for future in self._waiting:
            if not future.done():
                future.set_result(refusal(503, "the server is stopping", 1))

    def _failed(self, prefix: str, error: Exception) -> media.Response:
        if self._may_tell(prefix):
            log.error("the origin of %s failed", prefix, exc_info=error)
        return refusal(500, "this went wrong here; the operator's log says more")

    def _may_tell(self, what: str) -> bool:
        now = self._site.clock.monotonic()
        if now - self._told.get(what, -TOLD_EVERY) < TOLD_EVERY:
            return False
        self._told[what] = now
        return True


@blueprint.route(
    f"{FALLBACK_PATH}/<prefix>/<path:name>", methods=METHODS, provide_automatic_options=False
)
async def serve(prefix: str, name: str) -> Response:
    """What the media port answers to the same request."""
    port = cast("SitePort", current_app.extensions["media"])
    method = request.method
    if method == "OPTIONS":
        return _as_sent(PREFLIGHT, method)
    if method not in ("GET", "HEAD"):
        return _as_sent(refusal(405, "only GET and HEAD are answered here"), method)
    wrong = _wrong(name, request.scope.get("raw_path") or b"")
    if wrong is not None:
        return _as_sent(refusal(400, wrong), method)
    headers = _headers(request.headers.items())
    query = request.query_string.decode("ascii", "replace")
    asked = media.Request(method, name, query, headers)
    address = security.address(port._site, request.remote_addr, request.headers)
    answer = await port.answer(prefix, asked, address)
    if answer.gzip is not None:
        compressed = wants_gzip(headers.get("accept-encoding", ""), ranged="range" in headers)
        answer = answer.form(compressed)
        if compressed:
            return _as_sent(answer, method)
    return _as_sent(apply_range(asked, answer), method)


def _wrong(name: str, raw: bytes) -> str | None:
    """What is refused in a path because it can be read in two ways; as at the media port."""
    if b"%2f" in raw.lower():
        return "the path has an encoded slash"
    if any(part in (".", "..") for part in name.split("/")):
        return "the path has dot segments"
    if "\ufffd" in name:
        return "the path is not UTF-8"
    if "\\" in name or not name.isprintable():
        return "the path has a control character or backslash"
    return None


def _headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By lower-case name, as origins take them."""
    found: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        if name == "accept-encoding" and name in found:
            value = f"{found[name]}, {value}"
        found[name] = value
    return found


def _as_sent(answer: media.Response, method: str) -> Response:
    body: bytes | AsyncIterator[bytes] = b""
    if len(answer.body) > PIECE and method != "HEAD":
        body = _pieces(answer.body)
    elif method != "HEAD":
        body = bytes(answer.body)
    response = Response(body, status=answer.status)
    # Not what Quart takes the body for.
    response.headers = Headers(_complete(answer.headers))
    if answer.status != 204:  # RFC 9110 section 8.6
        response.headers["Content-Length"] = str(len(answer.body))
    response.timeout = SEND_SECONDS
    return response


@lru_cache(maxsize=64)
def _complete(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """With what every answer of the site has, which costs as much as the rest when it is put
    together anew ten times a second for each player."""
    there = {name.lower() for name, _ in headers}
    always = {
        **security.STATIC_HEADERS,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    missing = {name: value for name, value in always.items() if name.lower() not in there}
    return [*headers, *missing.items()]


async def _pieces(body: bytes | memoryview) -> AsyncIterator[bytes]:
    """A long body as the client takes it: what is written at once is copied, and held for a
    client that does not read."""
    view = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield bytes(view[start : start + PIECE])
