"""Every page, for everyone, with the theme and without: complete, well-formed, nothing inline."""

from __future__ import annotations

from typing import Any

import pytest

FOR_ALL = ["/", "/owner", "/other", "/signin", "/signup", "/search", "/search?q=owner",
           "/search?q=nothing_like_that", "/no_such_channel"]  # fmt: skip
SIGNED_IN = ["/following", "/new-channel", "/dashboard/owner"]


def check_page(page: Any) -> None:
    """What holds for every page."""
    for script in page.all("script"):
        assert script.get("src") or script.get("type") == "application/json", script
    assert not page.all("style")
    for tag, attributes in page.elements:
        wrong = [name for name in attributes if name == "style" or name.startswith("on")]
        assert not wrong, (tag, attributes)
    assert len(page.all("main")) == 1
    assert len(page.all("h1")) == 1, "one heading that says what the page is"
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    repeated = {each for each in ids if ids.count(each) > 1}
    assert not repeated
    labelled = {label.get("for") for label in page.all("label")}
    for tag in ("input", "textarea", "select"):
        for field in page.all(tag):
            if field.get("type") != "hidden":
                assert field.get("id") in labelled, field
    for form in page.all("form"):
        if form.get("method") == "post":
            assert form.get("action", "").startswith("/")
    posts = sum(form.get("method") == "post" for form in page.all("form"))
    tokens = sum(field.get("name") == "csrf" for field in page.all("input"))
    assert tokens == posts
    data = [s for s in page.all("script") if s.get("id") == "page-data"]
    assert len(data) == 1


@pytest.mark.parametrize("path", FOR_ALL)
@pytest.mark.parametrize("name", [None, "other", "owner"])
async def test_a_page_is_complete(house: Any, read_page: Any, path: str, name: str | None) -> None:
    browser = await house.visitor(name)
    answer = await browser.get(path)
    if answer.status == 303:
        assert path in ("/signin", "/signup")
        assert name is not None
        return
    assert answer.status == (404 if path == "/no_such_channel" else 200)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    check_page(read_page(answer.html))


@pytest.mark.parametrize("path", SIGNED_IN)
async def test_pages_of_the_signed_in(house: Any, read_page: Any, path: str) -> None:
    answer = await (await house.visitor("owner")).get(path)
    assert answer.status == 200
    check_page(read_page(answer.html))


@pytest.mark.parametrize("path", [*SIGNED_IN, "/dashboard"])
async def test_guests_are_led_to_sign_in_and_back(house: Any, path: str) -> None:
    answer = await (await house.visitor()).get(path)
    assert answer.status == 303
    assert answer.location == f"/signin?next={path}"


async def test_the_list_of_several_channels(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("owner")
    assert (await browser.get("/dashboard")).location == "/dashboard/owner"
    made = await browser.send("/new-channel", {"name": "Second_one", "display_name": "Zweiter"})
    assert made.location == "/dashboard/second_one"
    answer = await browser.get("/dashboard")
    check_page(read_page(answer.html))
    assert "/dashboard/second_one" in answer.html
    assert "Zweiter" in answer.html


async def test_an_empty_site_says_how_to_begin(open_house: Any, read_page: Any) -> None:
    house = await open_house(people=False)
    try:
        answer = await (await house.visitor()).get("/")
        check_page(read_page(answer.html))
        assert "There are no channels here yet" in answer.html
        assert 'class="card"' not in answer.html
    finally:
        await house.app.shutdown()


async def test_only_administrators_see_what_is_missing(open_house: Any) -> None:
    house = await open_house()
    try:
        from_everyone = (await (await house.visitor("other")).get("/")).html
        assert "No ingest works" not in from_everyone
        await house.site.accounts.create(
            name="boss_of_it", password="four random little words", email=None, is_admin=True
        )
        page = (await (await house.visitor("boss_of_it")).get("/")).html
        assert "so encoders such as OBS cannot connect" in page
    finally:
        await house.app.shutdown()


async def test_live_first_and_fragments(fresh: Any) -> None:
    browser = await fresh.visitor()
    page = (await browser.get("/")).html
    assert page.index('data-channel="owner" data-state="live"') < page.index(
        'data-channel="other" data-state="offline"'
    )
    cards = await browser.get("/?fragment=cards")
    assert "<html" not in cards.html
    assert 'data-channel="owner"' in cards.html
    rail = await browser.get("/?fragment=rail")
    assert 'class="who"' in rail.html
    assert 'data-channel="other"' not in rail.html, "off air, and not followed"


async def test_page_data_holds_what_a_player_needs(fresh: Any) -> None:
    import json

    browser = await fresh.visitor()
    answer = await browser.get("/owner?fragment=page-data")
    data = json.loads(answer.body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert data["channel"]["state"] == "live"
    assert data["channel"]["owner"] is False
    assert data["sources"][0]["url"] == "https://media.example/hls/abc/index.m3u8"
    assert data["sources"][0]["fallback_url"].endswith("/-/media/hls/abc/index.m3u8")
    assert data["ws"] == "/ws?channel=owner"
    offline = json.loads((await browser.get("/other?fragment=page-data")).body)
    assert offline["sources"] == []


async def test_names_in_any_case_lead_to_one_address(house: Any) -> None:
    answer = await (await house.visitor()).get("/OWNER")
    assert (answer.status, answer.location) == (301, "/owner")
