"""Errors are pages in words; a defect shows nothing of the inside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metropole_core.errors import TooMany, Unavailable


@pytest.fixture
async def broken(open_house: Any) -> Any:
    """A site with routes that fail."""
    house = await open_house()
    house.app._got_first_request = False  # routes are added to an app that runs already

    async def boom() -> str:
        raise RuntimeError("secret innards")

    async def busy() -> str:
        raise TooMany("Slow down a little.", retry_after=7.4)

    async def away() -> str:
        raise Unavailable("The provider is away.")

    for view in (boom, busy, away):
        house.app.add_url_rule(f"/-/{view.__name__}", view.__name__, view)
    yield house
    await house.app.shutdown()


async def test_each_error_has_its_page(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    browser = await broken.visitor("other")
    for path, status, words in (
        ("/-/boom", 500, "It is not your fault"),
        ("/-/busy", 429, "Slow down a little."),
        ("/-/away", 503, "The provider is away."),
        ("/nobody_here", 404, "There is no channel of this name"),
        ("/no/such/place", 404, "There is no page at this address"),
    ):
        answer = await browser.get(path)
        assert answer.status == status, path
        assert words in answer.html, path
        assert "secret innards" not in answer.html
        assert "<h1" in answer.html
        assert "Content-Security-Policy" in answer.headers
    wrong = await browser.send("/search")
    assert wrong.status == 405
    assert "does not take that kind of request" in wrong.html
    assert "secret innards" in caplog.text, "the log has it in full"
    assert (await browser.get("/-/busy")).headers["Retry-After"] == "7"


async def test_scripts_get_json(broken: Any) -> None:
    browser = await broken.visitor()
    answer = await browser.get("/-/busy", {"Accept": "application/json"})
    assert json.loads(answer.body) == {
        "error": {"code": "too_many", "sentence": "Slow down a little."}
    }


async def test_the_page_stands_when_the_database_does_not(broken: Any) -> None:
    browser = await broken.visitor()
    await broken.site.db.disconnect()
    try:
        answer = await browser.get("/")
        assert answer.status in (500, 503)
        assert "<h1" in answer.html
        health = await browser.get("/healthz")
        assert health.status in (500, 503)
    finally:
        await broken.site.db.connect()
    assert (await browser.get("/healthz")).status == 200
