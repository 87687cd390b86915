"""From an invitation to a channel that may stream: an administrator and a creator, each in a
browser of their own."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.browser import person
from tests.support.site_process import ADMIN, ADMIN_PASSWORD, SiteProcess, make_site
from tests.support.steps import KEY, PASSWORD, sign_in

pytestmark = pytest.mark.timeout(90)


@pytest_asyncio.fixture(loop_scope="session")
async def strict(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[SiteProcess]:
    """A site that lets people in by invitation or approval, and chooses its creators."""
    database = shutil.copy(sqlite_template, tmp_path / "metropole.sqlite3")
    site = make_site(tmp_path, f"sqlite:///{database}")
    await site.init()
    text = site.config.read_text()
    for old, new in (('registration = "open"', 'registration = "approval"'),
                     ('streaming = "everyone"', 'streaming = "granted"')):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    site.config.write_text(text)
    await site.start()
    yield site
    code = await site.stop()
    log = "".join(site.log)
    assert code == 0, log
    assert "Traceback" not in log, log


async def fill_in(page: Page, name: str) -> None:
    await page.fill("input[name=name]", name)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button")


async def test_from_an_invitation_to_the_stream_key(strict: SiteProcess, browser: Browser) -> None:
    async with person(browser) as boss, person(browser) as anna, person(browser) as bob:
        await sign_in(boss, strict.url, ADMIN, ADMIN_PASSWORD)
        await boss.goto(f"{strict.url}/admin/invitations")
        await boss.fill("#f-note", "For Anna")
        await boss.get_by_role("button", name="Make the invitation").click()
        link = await boss.locator("#once").input_value()
        await boss.get_by_role("button", name="Copy").click()
        await expect(boss.locator(".toast")).to_be_visible()

        await anna.goto(link)
        await fill_in(anna, "anna")
        await expect(anna.locator("form[action='/signout']")).to_have_count(1)
        await anna.goto(f"{strict.url}/dashboard/anna")
        await expect(anna.locator("#connect")).to_contain_text("decides who streams")
        await expect(anna.locator("#stream-key")).to_have_count(0)

        await bob.goto(f"{strict.url}/signup")
        await fill_in(bob, "bob")
        await bob.wait_for_url("**/account")
        await expect(bob.get_by_role("heading", name="waits for approval")).to_be_visible()

        await boss.goto(f"{strict.url}/admin/people")
        rows = boss.locator("[data-person]")
        await expect(rows.first).to_have_attribute("data-person", "bob")
        await boss.locator("[data-person=bob]").get_by_role("button", name="Let in").click()
        await expect(boss.locator(".notice.good")).to_contain_text("bob is let in")
        her = boss.locator("[data-person=anna]")
        await her.locator("select").select_option("yes")
        await her.get_by_role("button", name="Set").click()
        await expect(boss.locator(".notice.good")).to_contain_text("anna")

        await anna.reload()
        await anna.click("form[data-enhance=reveal] button")
        await expect(anna.locator("#stream-key")).to_have_value(KEY)
        await bob.goto(f"{strict.url}/dashboard")
        await bob.wait_for_url("**/dashboard/bob")

        await anna.goto(f"{strict.url}/bob")
        await expect(anna.locator(".chat-input")).to_be_visible()
        await confirm_block(boss, "anna")
        await anna.goto(f"{strict.url}/dashboard")
        await expect(anna).to_have_url(re.compile("/signin"))

        code = link.partition("code=")[2]
        assert code not in "".join(strict.log)
        await strict.logs(f"administrator {ADMIN} blocked anna")


async def confirm_block(boss: Page, name: str) -> None:
    row = boss.locator(f"[data-person={name}]")
    await row.get_by_role("button", name="Block").click()
    await boss.get_by_role("dialog").get_by_role("button", name="Block").click()
    await expect(boss.locator(".notice.good")).to_contain_text(f"{name} is blocked")
