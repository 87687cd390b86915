"""The administrators' pages about people and invitations; every form works without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.core.pages.test_every_page import check_page
from tests.support.house import PASSWORD, Browser, House

LIST = "/admin/people"


@pytest.fixture
async def boss(fresh: House) -> Browser:
    await fresh.site.accounts.create(name="boss", password=PASSWORD, email=None, is_admin=True)
    return await fresh.visitor("boss")


def row(html: str, name: str) -> str:
    """What the list says of one person."""
    found = re.search(rf'data-person="{name}".*?</li>', html, re.DOTALL)
    assert found is not None, f"{name} is not in the list"
    return found[0]


async def test_only_administrators_are_led_there(fresh: Any, boss: Any) -> None:
    assert LIST in (await boss.get("/")).html
    member = await fresh.visitor("other")
    assert LIST not in (await member.get("/")).html
    for path in ("/admin", LIST, "/admin/invitations"):
        assert (await member.get(path)).status == 404
        guest = await (await fresh.visitor()).get(path)
        assert guest.location == f"/signin?next={path}"


async def test_the_list_and_its_search(boss: Any, read_page: Any) -> None:
    page = await boss.get(LIST)
    check_page(read_page(page.html))
    assert page.headers["Cache-Control"] == "no-store"
    assert all(row(page.html, name) for name in ("owner", "other", "boss"))
    assert "/block" not in row(page.html, "boss"), "not oneself"
    assert "Always may stream" in row(page.html, "boss")
    found = (await boss.get(f"{LIST}?q=OWN&state=active&page=9")).html
    assert row(found, "owner")
    assert 'data-person="other"' not in found
    for query in ("?q=%22%3E%3Cscript%3E", "?state=nonsense", "?page=-1", "?page=99999999999"):
        answer = await boss.get(LIST + query)
        assert answer.status == 200
        check_page(read_page(answer.html))


async def test_block_and_unblock(fresh: Any, boss: Any) -> None:
    path = f"{LIST}/{fresh.other.id}/block"
    asked = await boss.send(path, {"q": "oth"})
    assert asked.status == 200
    assert 'name="confirm" value="yes"' in asked.html
    assert 'name="q" value="oth"' in asked.html, "the way back is kept"
    assert (await fresh.site.accounts.by_id(fresh.other.id)).is_active
    done = await boss.send(path, {"confirm": "yes", "q": "oth"})
    assert done.location == f"{LIST}?q=oth&done=blocked&who=other"
    page = (await boss.get(done.location)).html
    assert "other is blocked and signed out everywhere" in page
    assert "Blocked" in row(page, "other")
    await boss.send(f"{LIST}/{fresh.other.id}/unblock")
    assert (await fresh.site.accounts.by_id(fresh.other.id)).is_active
    assert (await boss.send(f"{LIST}/{fresh.other.id}/unblock")).status == 409


async def test_the_three_choices_of_streaming(fresh: Any, boss: Any) -> None:
    for chosen, kept in (("yes", True), ("no", False), ("site", None)):
        done = await boss.send(f"{LIST}/{fresh.other.id}/streaming", {"streaming": chosen})
        assert done.status == 303
        assert (await fresh.site.accounts.by_id(fresh.other.id)).may_stream is kept
        shown = row((await boss.get(done.location)).html, "other")
        assert f'<option value="{chosen}" selected>' in shown
    answer = await boss.send(f"{LIST}/{fresh.other.id}/streaming", {"streaming": "perhaps"})
    assert answer.status == 404


async def test_letting_in_and_refusing(fresh: Any, boss: Any, read_page: Any) -> None:
    fresh.site.accounts.registration = "approval"
    for name in ("anna", "bob"):
        await (await fresh.visitor()).send("/signup", {"name": name, "password": PASSWORD})
    page = (await boss.get(f"{LIST}?state=pending")).html
    check_page(read_page(page))
    assert "Waits" in row(page, "anna")
    anna, bob = [await fresh.site.accounts.by_name(name) for name in ("anna", "bob")]
    await boss.send(f"{LIST}/{anna.id}/approve")
    assert (await boss.get("/anna")).status == 200
    assert "Refuse bob?" in (await boss.send(f"{LIST}/{bob.id}/refuse")).html
    await boss.send(f"{LIST}/{bob.id}/refuse", {"confirm": "yes"})
    assert await fresh.site.accounts.by_name("bob") is None


async def test_a_link_for_a_new_password_is_shown_once(fresh: Any, boss: Any) -> None:
    page = await boss.send(f"{LIST}/{fresh.other.id}/reset-password")
    assert page.headers["Cache-Control"] == "no-store"
    found = re.search(r'value="http://127\.0\.0\.1:8000(/reset-password\?token=[^"]+)"', page.html)
    assert found is not None
    assert (await (await fresh.visitor()).get(found[1])).status == 200
    assert "/reset-password?token" not in (await boss.get(LIST)).html


@pytest.mark.parametrize("number", ["0", "99999", "9" * 30])
async def test_people_who_are_not_there(boss: Any, number: str) -> None:
    for action in ("approve", "refuse", "block", "unblock", "streaming", "reset-password"):
        answer = await boss.send(
            f"{LIST}/{number}/{action}", {"confirm": "yes", "streaming": "yes"}
        )
        assert answer.status == 404, action
    assert (await boss.send(f"/admin/invitations/{number}/revoke")).status == 404


async def test_invitations(fresh: Any, boss: Any, read_page: Any) -> None:
    check_page(read_page((await boss.get("/admin/invitations")).html))
    form = {"note": "<b>For Anna", "uses": "2", "days": "", "streaming": "yes"}
    made = await boss.send("/admin/invitations", form)
    check_page(read_page(made.html))
    assert made.headers["Cache-Control"] == "no-store"
    found = re.search(r'value="http://127\.0\.0\.1:8000(/signup\?code=[^"]+)"', made.html)
    assert found is not None
    assert found[1] not in (await boss.get("/admin/invitations")).html
    guest = await fresh.visitor()
    code = found[1].partition("code=")[2]
    await guest.send("/signup", {"name": "anna", "password": PASSWORD, "code": code})
    assert (await fresh.site.accounts.by_name("anna")).may_stream is True
    page = (await boss.get("/admin/invitations")).html
    assert "1 of 2 used" in page
    assert "&lt;b&gt;For Anna" in page
    assert "made by boss" in page
    (invitation,) = await fresh.site.accounts.invitations.all()
    assert invitation.expires_at is None
    done = await boss.send(f"/admin/invitations/{invitation.id}/revoke")
    assert "lets nobody in any more" in (await boss.get(done.location)).html
    assert await fresh.site.accounts.invitations.all() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("uses", ""), ("uses", "0"), ("uses", "many"), ("uses", "9" * 5000), ("days", "366"),
     ("days", "-1"), ("note", "x" * 101)],
)  # fmt: skip
async def test_wrong_numbers_are_explained(boss: Any, field: str, value: str) -> None:
    form = {"note": "", "uses": "1", "days": "7", "streaming": "site", field: value}
    answer = await boss.send("/admin/invitations", form)
    assert answer.status == 422
    assert f'id="f-{field}-error"' in answer.html


async def test_german(boss: Any) -> None:
    page = await boss.get(LIST, {"Accept-Language": "de"})
    assert "Personen" in page.html
    assert "Sperren" in page.html
