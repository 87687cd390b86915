"""The story that the product stands on, on SQLite and on MariaDB: a creator signs up and goes live
with FFmpeg's RTMP, a viewer watches in a real Chromium and they talk; the encoder's line breaks and
comes back; the broadcast ends."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import person
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.site_process import SiteProcess

CHANNEL = "northlight"
PASSWORD = "correct horse battery"
STEADY = {"sqlite": 60.0, "mysql": 12.0}
"""Seconds of undisturbed watching."""

pytestmark = pytest.mark.timeout(300)


async def sign_up(page: Page, site: SiteProcess, name: str) -> None:
    await page.goto(f"{site.url}/signup")
    await page.fill("input[name=name]", name)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main form button")
    await expect(page.locator("form[action='/signout']")).to_have_count(1)


async def describe_channel(page: Page, site: SiteProcess) -> str:
    """Fill in title, category and tags on the creator's page.

    Returns:
        The stream key, revealed there.
    """
    await page.goto(f"{site.url}/dashboard/{CHANNEL}")
    await page.fill("input[name=title]", "Painting the harbour at dusk")
    await page.fill("input[name=category]", "Art")
    await page.fill("input[name=tags]", "oil, beginner friendly")
    await page.click("form:has(input[name=title]) button")
    await expect(page.locator("input[name=title]")).to_have_value("Painting the harbour at dusk")
    await page.click("form[data-enhance=reveal] button")
    key = page.locator("#stream-key")
    await expect(key).to_have_value(re.compile("^mp_"))
    return await key.input_value()


async def say(page: Page, text: str) -> None:
    await page.fill(".chat-input", text)
    await page.press(".chat-input", "Enter")


async def test_from_sign_up_to_the_end_of_a_broadcast(browser: Browser, site: SiteProcess) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(person(browser))
        viewer = await stack.enter_async_context(person(browser))
        await sign_up(creator, site, CHANNEL)
        key = await describe_channel(creator, site)
        await sign_up(viewer, site, "marisol")

        # The viewer sits on the home page and sees the channel turn LIVE without a reload.
        await viewer.goto(site.url)
        await viewer.evaluate("window.sameDocument = true")
        publisher = await stack.enter_async_context(publishing(site.rtmp_url(key)))
        card = viewer.locator(f".card[data-channel={CHANNEL}][data-state=live]").first
        await expect(card).to_be_visible(timeout=15_000)
        assert await viewer.evaluate("window.sameDocument")
        await expect(creator.locator("[data-channel] .signal-text")).to_contain_text("live")

        # Playback begins by itself, muted, and is watched for a while.
        await card.locator("a").first.click()
        await viewer.wait_for_url(f"**/{CHANNEL}")
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        await expect(viewer.locator(".player-unmute")).to_be_visible()
        await viewer.evaluate("window.sameDocument = true")
        await watch.settle()
        kind = "mysql" if site.database.startswith("mysql") else "sqlite"
        steady = await watch.measure(STEADY[kind])
        print(f"\n{kind}: {steady}")
        assert steady.advanced > STEADY[kind] * 0.95
        assert steady.brightness > 20, "the picture is black"
        assert steady.stalls == 0, steady
        assert steady.latency_p50 <= 1.6, steady

        # The second person comes; both talk; the page knows how many watch.
        await creator.goto(f"{site.url}/{CHANNEL}")
        await Watch(creator).playing(timeout=15)
        await say(viewer, "the gulls!")
        await say(creator, "<b>titanium</b>, with a touch of naples yellow")
        for page in (viewer, creator):
            log = page.locator(".chat-list")
            await expect(log).to_contain_text("the gulls!")
            await expect(log).to_contain_text("<b>titanium</b>, with a touch of naples yellow")
            await expect(page.locator("p.by .viewers")).to_have_text("2", timeout=15_000)

        # The encoder's line breaks for five seconds: same page, same player, playback goes on.
        publisher.kill()
        await expect(viewer.locator("metropole-player")).to_have_attribute(
            "data-state", "interrupted", timeout=10_000
        )
        await expect(viewer.locator(".player-notice")).to_be_visible()
        await asyncio.sleep(5)  # the drop itself, not a wait for anything
        before = await watch.position()
        publisher = await stack.enter_async_context(publishing(site.rtmp_url(key)))
        await watch.beyond(before + 3, timeout=20)
        await expect(viewer.locator(".player-notice")).to_be_hidden()
        assert await viewer.evaluate("window.sameDocument")
        assert await watch.latency() <= 3

        # The encoder says that it stops, and the page says that the stream is over.
        await publisher.stop()
        await expect(viewer.locator("metropole-player")).to_have_attribute(
            "data-state", "offline", timeout=10_000
        )
        await expect(viewer.locator(".player-offline")).to_be_visible()
        assert await viewer.evaluate("window.sameDocument")
        assert key not in "".join(site.log)
