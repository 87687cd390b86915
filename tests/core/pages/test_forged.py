"""Forms that our own pages did not send change nothing."""

from __future__ import annotations

from typing import Any

import pytest

POSTS = [
    "/signin", "/signup", "/signout", "/preferences", "/new-channel", "/owner/follow",
    "/owner/unfollow", "/dashboard/owner/details", "/dashboard/owner/key",
    "/dashboard/owner/key/rotate", "/dashboard/owner/end", "/dashboard/owner/chat",
    "/dashboard/owner/latency", "/dashboard/owner/modes/pace", "/dashboard/owner/thumbnail",
    "/dashboard/owner/avatar",
    "/account/password", "/reset-password", "/setup", "/admin/people/1/approve",
    "/admin/people/1/refuse", "/admin/people/1/block", "/admin/people/1/unblock",
    "/admin/people/1/streaming", "/admin/people/1/reset-password", "/admin/invitations",
    "/admin/invitations/1/revoke", "/admin/capacity/probe",
]  # fmt: skip


async def test_the_list_above_is_whole(house: Any) -> None:
    rules = {
        rule.rule.replace("<name>", "owner")
        .replace("<mode>", "pace")
        .replace("<int:user_id>", "1")
        .replace("<int:invitation_id>", "1")
        for rule in house.app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.rule.startswith(("/-/", "/api/"))
    }
    assert rules == set(POSTS)


@pytest.mark.parametrize("path", POSTS)
async def test_a_form_without_its_token_is_refused(house: Any, path: str) -> None:
    browser = await house.visitor("owner")
    stranger = await (await house.visitor("other")).token()
    key = await house.site.channels.stream_key(house.channel.id)
    for csrf in ("", "x", stranger):
        answer = await browser.send(path, {"confirm": "yes"}, csrf=csrf)
        assert answer.status == 403
        assert "out of date" in answer.html
    assert await house.site.channels.stream_key(house.channel.id) == key
    assert (await browser.get("/dashboard/owner")).status == 200, "still signed in"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_sites_cannot_send_forms(house: Any, headers: dict[str, str]) -> None:
    browser = await house.visitor("owner")
    answer = await browser.send(
        "/dashboard/owner/details", {"title": "Taken over"}, headers=headers
    )
    assert answer.status == 403
    assert "from another site" in answer.html
    assert (await house.site.channels.get(house.channel.id)).title != "Taken over"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost"},  # the host that the test client asks
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_our_own_pages_can(house: Any, headers: dict[str, str]) -> None:
    browser = await house.visitor("other")
    answer = await browser.send("/owner/follow", headers=headers)
    assert answer.status == 303


async def test_a_guests_token_is_bound_to_its_browser(house: Any) -> None:
    first, second = await house.visitor(), await house.visitor()
    await second.get("/")
    answer = await second.send("/signin", {"login": "owner"}, csrf=await first.token())
    assert answer.status == 403


async def test_an_address_outside_is_never_gone_to(house: Any) -> None:
    browser = await house.visitor()
    for evil in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:1",
                 "/\x09/evil.example", "\\\\evil", " /x", "/" + "a" * 600):  # fmt: skip
        answer = await browser.send(
            "/signin", {"login": "owner", "password": "four random little words", "next": evil}
        )
        assert (answer.status, answer.location) == (303, "/")
