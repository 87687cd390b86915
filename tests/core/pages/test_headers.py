"""Headers of every route, and who may set cookies."""

from __future__ import annotations

from typing import Any

import pytest

from metropole_core.channels.names import RESERVED


def _paths(app: Any) -> list[str]:
    """An address for each GET route."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.websocket or "GET" not in (rule.methods or ()):
            continue
        path = rule.rule
        for converter in (
            "<path:key>",
            "<path:file>",
            "<path:name>",
            "<owner>",
            "<name>",
            "<mode>",
            "<prefix>",
            "<int:channel_id>",
        ):
            path = path.replace(converter, "owner")
        assert "<" not in path, path
        found.append(path)
    return found


async def test_every_route_is_guarded(house: Any) -> None:
    browser = await house.visitor("owner")
    paths = _paths(house.app)
    assert len(paths) > 15
    for path in [*paths, "/no/such/page"]:
        answer = await browser.get(path)
        assert answer.status < 500, path
        policy = answer.headers["Content-Security-Policy"]
        assert "'unsafe-inline'" not in policy, path
        assert policy.startswith("default-src 'none'"), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert "Permissions-Policy" in answer.headers, path
        assert "Referrer-Policy" in answer.headers, path
        assert "Cache-Control" in answer.headers, path


async def test_the_policy_lets_players_fetch_media_and_nothing_else(house: Any) -> None:
    answer = await (await house.visitor()).get("/owner")
    rules = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self'"
    assert rules["connect-src"].split() == [
        "'self'", "ws://127.0.0.1:8000", "https://media.example"
    ]  # fmt: skip
    assert rules["media-src"].split() == ["'self'", "blob:", "https://media.example"]
    assert rules["frame-ancestors"] == "'none'"
    assert rules["base-uri"] == "'none'"
    assert rules["form-action"] == "'self'"


async def test_no_channel_can_be_called_like_a_page(house: Any) -> None:
    for rule in house.app.url_map.iter_rules():
        word = rule.rule.split("/")[1]
        if word and "<" not in word:
            assert word.casefold() in RESERVED, rule


async def test_cookies_over_http(house: Any) -> None:
    browser = await house.visitor()
    guest = (await browser.get("/")).headers["Set-Cookie"]
    assert guest.startswith("metropole_guest=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in guest
    assert "Secure" not in guest
    assert "Set-Cookie" not in (await browser.get("/")).headers, "once is enough"
    answer = await browser.send(
        "/signin", {"login": "owner", "password": "four random little words"}
    )
    session = answer.headers["Set-Cookie"]
    assert session.startswith("metropole_session=")
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session


async def test_cookies_over_https_are_bound_to_the_host(open_house: Any) -> None:
    house = await open_house(public_url="https://live.example")
    try:
        answer = await (await house.visitor()).get("/signin")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-metropole_guest=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "wss://live.example" in answer.headers["Content-Security-Policy"]
    finally:
        await house.app.shutdown()


@pytest.mark.parametrize("path", ["/art/owner.svg", "/favicon.svg", "/healthz", "/files/x.webp"])
async def test_what_is_the_same_for_everyone_sets_no_cookie(house: Any, path: str) -> None:
    answer = await (await house.visitor()).get(path)
    assert "Set-Cookie" not in answer.headers


async def test_pages_are_kept_apart_by_caches(house: Any) -> None:
    answer = await (await house.visitor()).get("/")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in answer.headers["Vary"]
    dashboard = await (await house.visitor("owner")).get("/dashboard/owner")
    assert dashboard.headers["Cache-Control"] == "no-store"
