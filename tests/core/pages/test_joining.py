"""How one gets in: the forms of each way of registration, the first run, lost passwords."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.core.pages.test_every_page import check_page
from tests.support.house import PASSWORD, Browser, House

NEW = {"name": "newcomer", "password": PASSWORD}


@pytest.fixture
async def house_with(
    open_house: Callable[..., Awaitable[House]],
) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """A site with these settings, closed afterwards."""
    opened: list[House] = []

    async def open_(**settings: Any) -> House:
        opened.append(await open_house(**settings))
        return opened[-1]

    yield open_
    for house in opened:
        await house.app.shutdown()


async def boss(house: House) -> Browser:
    await house.site.accounts.create(name="boss", password=PASSWORD, email=None, is_admin=True)
    return await house.visitor("boss")


async def test_closed_is_closed_and_nothing_leads_there(house_with: Any, read_page: Any) -> None:
    house = await house_with(registration="closed")
    browser = await house.visitor()
    for path in ("/", "/signin", "/owner", "/search", "/forgot-password"):
        assert "/signup" not in (await browser.get(path)).html, path
    page = await browser.get("/signup")
    check_page(read_page(page.html))
    assert "takes no new accounts" in page.html
    assert 'name="password"' not in page.html
    answer = await browser.send("/signup", NEW)
    assert answer.status == 403
    assert await house.site.accounts.by_name("newcomer") is None


async def test_by_invitation_through_the_link(house_with: Any, read_page: Any) -> None:
    house = await house_with(registration="invitation")
    browser = await house.visitor()
    page = await browser.get("/signup")
    check_page(read_page(page.html))
    assert "by invitation" in page.html
    assert 'name="code"' in page.html
    without = await browser.send("/signup", NEW)
    assert without.status == 422
    assert 'id="f-code-error"' in without.html
    _, code = await house.site.accounts.invitations.create(by=None, may_stream=False)
    assert f'value="{code}"' in (await browser.get(f"/signup?code={code}")).html
    taken = await browser.send("/signup", {**NEW, "name": "owner", "code": code})
    assert taken.status == 409
    assert f'value="{code}"' in taken.html, "what was typed is kept"
    answer = await browser.send("/signup", {**NEW, "code": code})
    assert (answer.status, answer.location) == (303, "/dashboard")
    made = await house.site.accounts.by_name("newcomer")
    assert made.may_stream is False


async def test_who_waits_is_a_guest_everywhere(house_with: Any, read_page: Any) -> None:
    house = await house_with(registration="approval")
    browser = await house.visitor()
    assert "looks at each new account" in (await browser.get("/signup")).html
    answer = await browser.send("/signup", {**NEW, "next": "/owner"})
    assert (answer.status, answer.location) == (303, "/account")
    page = await browser.get("/account")
    check_page(read_page(page.html))
    assert "Your account waits for approval" in page.html
    assert 'name="old"' not in page.html
    for path in ("/following", "/new-channel", "/dashboard", "/admin/people"):
        assert (await browser.get(path)).status in (303, 403), path
    assert (await browser.get("/signin")).location == "/account"
    assert (await browser.get("/signup")).location == "/account"
    assert (await browser.get("/newcomer")).status == 404, "there is no channel yet"
    for path, form in (
        ("/owner/follow", {}),
        ("/new-channel", {"name": "sneaky"}),
        ("/account/password", {"old": PASSWORD, "password": "another long one"}),
        ("/dashboard/owner/details", {"title": "x"}),
    ):
        refused = await browser.send(path, form)
        assert refused.status == 403, path
        assert "waits until an administrator" in refused.html
    data = json.loads((await browser.get("/owner?fragment=page-data")).body)
    assert data["user"] is None
    assert (await browser.send("/signout")).status == 303
    again = await browser.send("/signin", {"login": "newcomer", "password": PASSWORD})
    assert again.location == "/account"
    user = await house.site.accounts.by_name("newcomer")
    await house.site.people.approve(user.id, by=None)
    assert (await browser.get("/dashboard")).location == "/dashboard/newcomer"


async def test_blocked_is_signed_out_and_told_so(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    assert (await browser.get("/following")).status == 200
    await fresh.site.people.block(fresh.other.id, by=None)
    assert (await browser.get("/following")).status == 303
    answer = await browser.send("/signin", {"login": "other", "password": PASSWORD})
    assert answer.status == 403
    assert "This account is blocked" in answer.html


async def test_without_the_right_no_key_but_words(house_with: Any, read_page: Any) -> None:
    house = await house_with(streaming="granted")
    key = await house.site.channels.stream_key(house.channel.id)
    browser = await house.visitor("owner")
    page = await browser.get("/dashboard/owner")
    check_page(read_page(page.html))
    assert "decides who streams" in page.html
    assert "stream-key" not in page.html
    assert "rtmp://" not in page.html
    for path in ("/dashboard/owner/key", "/dashboard/owner/key/rotate"):
        answer = await browser.send(path, {"confirm": "yes"})
        assert answer.status == 403
        assert key not in answer.html
    assert await house.site.channels.stream_key(house.channel.id) == key
    saved = await browser.send("/dashboard/owner/details", {"title": "Soon"})
    assert saved.status == 303, "everything else works"
    await house.site.people.set_streaming(house.owner.id, True, by=None)
    assert 'id="stream-key"' in (await browser.get("/dashboard/owner")).html
    assert (await browser.send("/dashboard/owner/key")).status == 200


async def test_changing_ones_password(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("other")
    check_page(read_page((await browser.get("/account")).html))
    wrong = await browser.send(
        "/account/password", {"old": "not this one, no", "password": "four other words now"}
    )
    assert wrong.status == 422
    assert 'id="f-old-error"' in wrong.html
    assert "not this one" not in wrong.html
    done = await browser.send(
        "/account/password", {"old": PASSWORD, "password": "four other words now"}
    )
    assert done.location == "/account?done=password"
    assert "Every other browser was signed out" in (await browser.get(done.location)).html


async def test_forgotten_says_the_same_to_all(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor()
    page = await browser.get("/forgot-password")
    check_page(read_page(page.html))
    assert "Ask the operator" in page.html
    assert "<input" not in page.html.split('id="main"')[1], "nothing is looked up"


async def test_a_new_password_by_a_link(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor()
    token = await fresh.site.credentials.make_link(fresh.other, by=None)
    page = await browser.get(f"/reset-password?token={token}")
    check_page(read_page(page.html))
    assert page.headers["Cache-Control"] == "no-store"
    assert "<b>other</b>" in page.html
    short = await browser.send("/reset-password", {"token": token, "password": "short"})
    assert short.status == 422
    assert f'value="{token}"' in short.html
    done = await browser.send(
        "/reset-password", {"token": token, "password": "four other words now"}
    )
    assert done.location == "/signin?done=password"
    assert "Your password is set" in (await browser.get(done.location)).html
    assert (await browser.get(f"/reset-password?token={token}")).status == 404
    signed = await browser.send(
        "/signin", {"login": "other", "password": "four other words now", "next": "/"}
    )
    assert signed.status == 303


async def test_the_first_run(house_with: Any, read_page: Any) -> None:
    house = await house_with(people=False)
    browser = await house.visitor()
    assert "This site is being set up" in (await browser.get("/")).html
    token = house.site.first_run.token
    for path in ("/setup", "/setup?token=wrong"):
        answer = await browser.get(path)
        assert answer.status == 403
        assert "metropole serve" in answer.html
    page = await browser.get(f"/setup?token={token}")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    check_page(read_page(page.html))
    bad = await browser.send("/setup", {"token": token, "name": "maria", "password": "short"})
    assert bad.status == 422
    forged = await browser.send("/setup", {"token": "x", **NEW})
    assert forged.status == 403
    done = await browser.send("/setup", {"token": token, "name": "maria", "password": PASSWORD})
    assert (done.status, done.location) == (303, "/")
    assert (await browser.get("/admin/people")).status == 200
    assert "being set up" not in (await browser.get("/")).html
    for path in ("/setup", f"/setup?token={token}"):
        assert (await browser.get(path)).status == 404
    assert (await browser.send("/setup", {"token": token, **NEW})).status == 404


async def test_a_site_with_an_administrator_is_not_set_up(house_with: Any) -> None:
    house = await house_with()
    await boss(house)
    browser = await house.visitor()
    assert "being set up" not in (await browser.get("/")).html
    assert (await browser.get("/setup")).status == 404
    assert re.search(r'href="/signup"', (await browser.get("/")).html)
