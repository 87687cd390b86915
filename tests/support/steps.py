"""What people do on the pages, step by step, and what they then see."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

PASSWORD = "correct horse battery"
SMALL = ("--size", "640x360")
"""Options of a publisher whose picture's size does not matter: cheap to make and to decode."""
KEY = re.compile("^mp_")


async def sign_up(page: Page, url: str, name: str) -> None:
    """Make an account on the site at `url`, with a channel of the same name."""
    await page.goto(f"{url}/signup")
    await page.fill("input[name=name]", name)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button")
    await expect(page.locator("form[action='/signout']")).to_have_count(1)


async def sign_in(page: Page, url: str, name: str, password: str) -> None:
    """Sign in on the site at `url`."""
    await page.goto(f"{url}/signin")
    await page.fill("input[name=login]", name)
    await page.fill("input[name=password]", password)
    await page.click("main form button")
    await expect(page.locator("form[action='/signout']")).to_have_count(1)


async def make_channel(page: Page, url: str, name: str) -> None:
    """Make a further channel on the site at `url`; its dashboard is open then."""
    await page.goto(f"{url}/new-channel")
    await page.fill("input[name=name]", name)
    await page.click("main form button")
    await page.wait_for_url(f"**/dashboard/{name}*")


async def open_dashboard(page: Page, url: str, channel: str) -> None:
    """The creator's page of a channel, on the site at `url`."""
    await page.goto(f"{url}/dashboard/{channel}")


async def reveal_key(page: Page) -> str:
    """On the creator's page: press Show.

    Returns:
        The stream key.
    """
    await page.click("form[data-enhance=reveal] button")
    key = page.locator("#stream-key")
    await expect(key).to_have_value(KEY)
    return await key.input_value()


async def describe(page: Page, **details: str) -> None:
    """On the creator's page: fill in `title`, `category`, `tags` and save."""
    for name, value in details.items():
        await page.fill(f"input[name={name}]", value)
    await page.click("form[action$='/details'] button")
    await expect(page.locator(".notice.good")).to_be_visible()


async def confirm(page: Page, button: str) -> None:
    """Press a button that asks, and the dialog's button of the same words."""
    await page.get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_role("button", name=button).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def say(page: Page, text: str) -> None:
    """On a channel's page: send a chat message."""
    await page.fill(".chat-input", text)
    await page.press(".chat-input", "Enter")


def messages(page: Page) -> Locator:
    """What was said, a message each; what is still on its way is not among it."""
    return page.locator(".chat-list .msg[data-id] .msg-text")


def signal(page: Page) -> Locator:
    """On the creator's page: what arrives from the encoder, by `data-state`."""
    return page.locator(".kpis[data-channel]")


async def remember(page: Page) -> None:
    """Mark the document, so that `is_same_document` can tell whether it was loaded anew."""
    await page.evaluate("window.sameDocument = true")


async def is_same_document(page: Page) -> bool:
    """Whether the page was not loaded anew since `remember`."""
    return bool(await page.evaluate("window.sameDocument === true"))


async def expect_state(place: Locator, state: str, *, seconds: float = 10) -> None:
    """Wait until an element of a channel is in a state: offline, live, interrupted."""
    await expect(place).to_have_attribute("data-state", state, timeout=seconds * 1000)


def player(page: Page) -> Locator:
    """The channel page's player."""
    return page.locator("metropole-player")
