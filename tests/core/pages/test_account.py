"""Signing up, in and out through the forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from metropole_core.accounts.service import SESSION_LIFE
from metropole_core.db.tables import sessions

PASSWORD = "four random little words"
NEW = {"name": "Newcomer", "display_name": "Neu & Komisch", "password": PASSWORD, "email": ""}


async def test_sign_up_makes_account_and_channel(fresh: Any) -> None:
    browser = await fresh.visitor()
    answer = await browser.send("/signup", {**NEW, "next": "/dashboard"})
    assert (answer.status, answer.location) == (303, "/dashboard")
    page = await browser.get("/dashboard/newcomer")
    assert page.status == 200
    assert "Neu &amp; Komisch" in page.html
    assert (await browser.get("/signup")).status == 303, "nothing to sign up for any more"


async def test_a_refused_form_keeps_what_was_typed_but_no_password(
    fresh: Any, read_page: Any
) -> None:
    browser = await fresh.visitor()
    typed = {**NEW, "name": "owner", "email": "me@example.org"}
    answer = await browser.send("/signup", typed)
    assert answer.status == 409
    page = read_page(answer.html)
    fields = {field.get("name"): field for field in page.all("input")}
    assert fields["name"]["value"] == "owner"
    assert fields["name"]["aria-invalid"] == "true"
    assert "f-name-error" in str(fields["name"]["aria-describedby"])
    assert fields["email"]["value"] == "me@example.org"
    assert fields["display_name"]["value"] == "Neu & Komisch"
    assert PASSWORD not in answer.html
    assert any("The name owner is taken" in text for text in page.texts)


async def test_reserved_and_malformed_names_are_refused(fresh: Any) -> None:
    browser = await fresh.visitor()
    for name in ("dashboard", "SignIn", "ws", "api", "art", "preferences", "ab", "a b", "ünal",
                 "x" * 26, "../etc"):  # fmt: skip
        answer = await browser.send("/signup", {**NEW, "name": name})
        assert answer.status in (409, 422), name
        assert 'id="f-name-error"' in answer.html, name


async def test_a_wrong_password_says_no_more_than_needed(fresh: Any) -> None:
    browser = await fresh.visitor()
    answers = [
        await browser.send("/signin", {"login": login, "password": "not this one, no"})
        for login in ("owner", "nobody_at_all")
    ]
    assert [answer.status for answer in answers] == [422, 422]
    assert all("Name or password is wrong" in answer.html for answer in answers)
    assert 'value="owner"' in answers[0].html
    assert "not this one" not in answers[0].html


async def test_too_many_tries_say_when_to_come_back(fresh: Any) -> None:
    browser = await fresh.visitor()
    for _ in range(10):
        await browser.send("/signin", {"login": "other", "password": "wrong wrong wrong"})
    answer = await browser.send("/signin", {"login": "other", "password": PASSWORD})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Too many tries" in answer.html


async def test_sign_out_is_a_form_and_ends_the_session(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    assert (await browser.get("/signout")).status == 404, "a link cannot do it"
    assert (await browser.get("/following")).status == 200
    token = fresh.sessions["other"]
    answer = await browser.send("/signout")
    assert (answer.status, answer.location) == (303, "/")
    assert "metropole_session=;" in answer.headers["Set-Cookie"]
    assert await fresh.site.accounts.session(token) is None
    assert (await browser.get("/following")).status == 303


async def test_signing_in_anew_makes_a_new_session(fresh: Any) -> None:
    browser = await fresh.visitor()
    browser.client.set_cookie("localhost", "metropole_session", "chosen-by-somebody-else")
    answer = await browser.send("/signin", {"login": "other", "password": PASSWORD, "next": "/"})
    assert answer.status == 303
    assert "chosen-by-somebody-else" not in answer.headers["Set-Cookie"]


async def test_the_cookie_lives_on_as_its_session_does(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    token = fresh.sessions["other"]
    now = datetime.now(UTC)

    async def seen(ago: timedelta) -> str:
        await fresh.site.db.execute(
            sessions.update().values(seen_at=now - ago, expires_at=now - ago + SESSION_LIFE)
        )
        return str((await browser.get("/")).headers.get("Set-Cookie", ""))

    assert "metropole_session" not in await seen(timedelta(minutes=50))
    cookie = await seen(timedelta(days=29))
    assert cookie.startswith(f"metropole_session={token};")
    assert "Max-Age=2592000" in cookie
    assert "HttpOnly" in cookie
    await seen(timedelta(days=29))
    answer = await browser.get("/api/v1/channels")
    assert "public" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


async def test_a_second_account_ends_the_session_of_the_first(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    answer = await browser.send("/signup", {"name": "second", "password": PASSWORD})
    assert answer.status == 303
    assert await fresh.site.accounts.session(fresh.sessions["other"]) is None


async def test_choices_about_the_look_hold_without_scripts(fresh: Any) -> None:
    browser = await fresh.visitor()
    assert "data-scheme" not in (await browser.get("/")).html.split(">")[1]
    answer = await browser.send(
        "/preferences", {"key": "scheme", "value": "light", "next": "/owner"}
    )
    assert (answer.status, answer.location) == (303, "/owner")
    await browser.send("/preferences", {"key": "rail", "value": "narrow"})
    page = (await browser.get("/")).html
    assert 'data-scheme="light"' in page
    assert 'data-rail="narrow"' in page
    await browser.send("/preferences", {"key": "scheme", "value": '"><script>'})
    browser.client.set_cookie("localhost", "metropole_ui", 'scheme-"><script>.rail-narrow')
    page = (await browser.get("/")).html
    assert "<script>" not in page
    assert 'data-rail="narrow"' in page
