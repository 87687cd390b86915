"""The story that the product stands on, on SQLite and on MariaDB: a creator signs up and goes live
with FFmpeg's RTMP, a viewer watches in a real Chromium and they talk; the encoder's line breaks and
comes back; the broadcast ends."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import person
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.site_process import SiteProcess
from tests.support.steps import (
    describe,
    expect_state,
    is_same_document,
    open_dashboard,
    player,
    remember,
    reveal_key,
    say,
    sign_up,
)

CHANNEL = "northlight"
STEADY = {"sqlite": 30.0, "mysql": 12.0}
"""Seconds of undisturbed watching."""

pytestmark = pytest.mark.timeout(300)


async def test_from_sign_up_to_the_end_of_a_broadcast(browser: Browser, site: SiteProcess) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(person(browser))
        viewer = await stack.enter_async_context(person(browser))
        await sign_up(creator, site.url, CHANNEL)
        await open_dashboard(creator, site.url, CHANNEL)
        await describe(
            creator,
            title="Painting the harbour at dusk",
            category="Art",
            tags="oil, beginner friendly",
        )
        await expect(creator.locator("input[name=title]")).to_have_value(
            "Painting the harbour at dusk"
        )
        key = await reveal_key(creator)
        await sign_up(viewer, site.url, "marisol")

        # The viewer sits on the home page and sees the channel turn LIVE without a reload.
        await viewer.goto(site.url)
        await remember(viewer)
        publisher = await stack.enter_async_context(publishing(site.rtmp_url(key)))
        card = viewer.locator(f".card[data-channel={CHANNEL}][data-state=live]").first
        await expect(card).to_be_visible(timeout=15_000)
        assert await is_same_document(viewer)
        await expect(creator.locator("[data-channel] .signal-text")).to_contain_text("live")

        # Playback begins by itself, muted, and is watched for a while.
        await card.locator("a").first.click()
        await viewer.wait_for_url(f"**/{CHANNEL}")
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        await expect(viewer.locator(".player-unmute")).to_be_visible()
        await remember(viewer)
        await watch.settle()
        kind = "mysql" if site.database.startswith("mysql") else "sqlite"
        steady = await watch.smooth(STEADY[kind], tries=2)
        print(f"\n{kind}: {steady}")
        assert steady.advanced > STEADY[kind] * 0.95
        assert steady.brightness > 20, "the picture is black"
        assert steady.stalls == 0, steady
        assert steady.latency_p50 <= 1.8, steady

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
        await expect_state(player(viewer), "interrupted")
        await expect(viewer.locator(".player-notice")).to_be_visible()
        await asyncio.sleep(5)  # the drop itself, not a wait for anything
        before = await watch.position()
        publisher = await stack.enter_async_context(publishing(site.rtmp_url(key)))
        await watch.beyond(before + 3, timeout=20)
        await expect(viewer.locator(".player-notice")).to_be_hidden()
        assert await is_same_document(viewer)
        assert await watch.latency() <= 3

        # The encoder says that it stops, and the page says that the stream is over.
        await publisher.stop()
        await expect_state(player(viewer), "offline")
        await expect(viewer.locator(".player-offline")).to_be_visible()
        assert await is_same_document(viewer)
        assert key not in "".join(site.log)
