"""Following, and finding."""

from __future__ import annotations

import json
from typing import Any


async def test_follow_and_unfollow_by_form(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    assert 'action="/owner/follow"' in (await browser.get("/owner")).html
    for _ in range(2):
        answer = await browser.send("/owner/follow")
        assert (answer.status, answer.location) == (303, "/owner")
    page = (await browser.get("/owner")).html
    assert 'action="/owner/unfollow"' in page
    assert "data-followers>1<" in page
    assert 'data-channel="owner"' in (await browser.get("/following")).html
    await browser.send("/owner/unfollow")
    assert "You follow nobody yet" in (await browser.get("/following")).html


async def test_follow_by_script(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    headers = {"Accept": "application/json", "X-CSRF-Token": await browser.token()}
    answer = await browser.send("/owner/follow", csrf="", headers=headers)
    assert json.loads(answer.body) == {"following": True, "followers": 1}


async def test_guests_are_asked_to_sign_in(fresh: Any) -> None:
    browser = await fresh.visitor()
    assert 'href="/signin?next=/owner"' in (await browser.get("/owner")).html
    answer = await browser.send("/owner/follow")
    assert answer.status == 401
    assert 'href="/signin"' in answer.html


async def test_ones_own_channel_cannot_be_followed(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    assert "/owner/follow" not in (await browser.get("/owner")).html
    answer = await browser.send("/owner/follow")
    assert answer.status == 403
    assert "This is your own channel." in answer.html


async def test_the_sidebar_shows_whom_one_follows(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    await browser.send("/other/follow")
    rail = (await browser.get("/?fragment=rail")).html
    assert rail.index("Following") < rail.index('data-channel="other" data-state="offline"')


async def test_search(fresh: Any) -> None:
    await fresh.site.channels.update(
        fresh.channel.id, title="Harbour at dusk", category="Art", tags=["oil"], description=""
    )
    browser = await fresh.visitor()
    for query in ("harbour", "ART", "oil dusk", "own"):
        page = (await browser.get(f"/search?q={query}")).html
        assert "Harbour at dusk" in page, query
    assert "Nothing found" in (await browser.get("/search?q=harbour+piano")).html
    long = await browser.get("/search?q=" + "x" * 5000)
    assert long.status == 200
    assert "x" * 101 not in long.html
