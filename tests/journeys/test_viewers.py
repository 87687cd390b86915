"""Viewers as they come: with several tabs, late, as guests; they pause, crash and return."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.browser import other_window
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.steps import (
    SMALL,
    expect_state,
    is_same_document,
    make_channel,
    messages,
    open_dashboard,
    player,
    remember,
    reveal_key,
    say,
    signal,
)
from tests.support.town import Town

pytestmark = pytest.mark.timeout(120)

CREATOR, VIEWER = "northlight", "marisol"
QUICK = 2.0
"""Seconds within which a page has to stand while others play."""
LONG_PAUSE = 20.0
EXPIRY = 26.0
"""Seconds after which a viewer that says nothing is not counted any more, and one to tell it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def channel(town: Town) -> AsyncIterator[str]:
    """The address of a channel that is on air for the tests of this file."""
    async with town.citizen(CREATOR) as creator:
        await open_dashboard(creator, town.site.url, CREATOR)
        key = await reveal_key(creator)
        async with publishing(town.site.rtmp_url(key), *SMALL):
            await expect_state(signal(creator), "live", seconds=15)
            await creator.goto("about:blank")
            yield f"{town.site.url}/{CREATOR}"


async def video(page: Page, expression: str) -> object:
    """What the player's video says, `v` in the expression."""
    return await page.evaluate(
        f"(v => {expression})(document.querySelector('metropole-player video'))"
    )


async def seconds_to_load(page: Page, url: str) -> float:
    """Seconds until a page and everything that belongs to it is there."""
    began = time.monotonic()
    await page.goto(url, wait_until="load")
    return time.monotonic() - began


async def test_two_tabs_play_and_a_third_page_is_quick(town: Town) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(town.citizen(CREATOR))
        first = await stack.enter_async_context(town.guest())
        await make_channel(creator, town.site.url, "twotabs")
        key = await reveal_key(creator)
        publisher = await stack.enter_async_context(publishing(town.site.rtmp_url(key), *SMALL))
        await expect_state(signal(creator), "live", seconds=15)
        # Side by side: tabs in the background are not drawn, so that their frames cannot be seen.
        third = await first.context.new_page()
        await first.bring_to_front()
        await first.goto(f"{town.site.url}/twotabs")
        second = await other_window(first, f"{town.site.url}/twotabs")
        watches = [Watch(first), Watch(second)]
        for watch in watches:
            await watch.playing(timeout=15)
            await watch.settle(within=2)
        one, two, quick = await asyncio.gather(
            watches[0].smooth(6), watches[1].smooth(6), seconds_to_load(third, town.site.url)
        )
        assert quick < QUICK
        protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
        assert await third.evaluate(protocol) == "http/1.1"
        for each in (one, two):
            assert each.stalls == 0, each
            assert each.advanced > 5.5, each

        # With the publisher away every player waits for news; that must not hold up anybody.
        publisher.kill()
        for watch in watches:
            await expect_state(player(watch.page), "interrupted")
        slowest = 0.0
        for path in ("/", "/twotabs", f"/{CREATOR}", "/search?q=a", "/"):
            slowest = max(slowest, await seconds_to_load(third, town.site.url + path))
        assert slowest < QUICK
        before = [await watch.position() for watch in watches]
        await stack.enter_async_context(publishing(town.site.rtmp_url(key), *SMALL))
        for watch, position in zip(watches, before, strict=True):
            await watch.beyond(position + 1, timeout=15)


async def test_the_number_of_viewers_is_right(town: Town, channel: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(town.citizen(CREATOR))
        one = await stack.enter_async_context(town.guest())
        two = await stack.enter_async_context(town.citizen(VIEWER))
        await open_dashboard(creator, town.site.url, CREATOR)
        number = creator.locator(".kpi .viewers")
        home = await creator.context.new_page()
        await home.goto(town.site.url)
        told = home.locator(f"main [data-channel={CREATOR}] .badge:has(.viewers-word)").first
        tab = await one.context.new_page()
        for page in (one, tab, two):
            await page.goto(channel)
            await Watch(page).playing(timeout=15)
        await expect(number).to_have_text("2", timeout=10_000)  # two people, three tabs
        await expect(told).to_have_text("2 viewers")

        # One of somebody's two tabs is closed: they still watch. The other one as well: gone.
        await tab.close()
        await asyncio.sleep(2.5)  # the number is told once a second: nothing is to happen
        assert await number.inner_text() == "2"
        await one.close()
        await expect(number).to_have_text("1", timeout=5_000)
        await expect(told).to_have_text("1 viewer")

        # A tab that crashes says nothing; within one expiry of the heartbeat it is not counted.
        crashed = asyncio.Event()
        two.on("crash", lambda _: crashed.set())
        devtools = await two.context.new_cdp_session(two)
        command = asyncio.ensure_future(devtools.send("Page.crash"))  # nobody is left to answer it
        await asyncio.wait_for(crashed.wait(), 5)
        command.cancel()
        began = time.monotonic()
        await expect(number).to_have_text("0", timeout=EXPIRY * 1000)
        await expect(told).to_have_text("0 viewers")
        print(f"\nnot counted {time.monotonic() - began:.1f} s after the crash")


async def test_a_guest_reads_and_is_told_how_to_speak(town: Town, channel: str) -> None:
    async with town.guest() as guest, town.citizen(VIEWER) as speaker:
        await speaker.goto(channel)
        await say(speaker, "said before the guest came")
        await expect(messages(speaker).last).to_have_text("said before the guest came")
        await guest.goto(channel)
        await expect(messages(guest).last).to_have_text("said before the guest came")
        await say(speaker, "and while they watch: https://example.org/a?b=1")
        await expect(messages(guest).last).to_contain_text("while they watch")
        link = messages(guest).last.locator("a")
        await expect(link).to_have_attribute("href", "https://example.org/a?b=1")
        assert "noopener" in (await link.get_attribute("rel") or "")
        await expect(guest.locator(".chat-count")).to_have_text("2")

        await expect(guest.locator(".chat-form")).to_have_count(1)
        await expect(guest.locator(".chat-form")).to_be_hidden()
        why = guest.locator(".chat-why")
        await expect(why).to_be_visible()
        await expect(why).to_contain_text("to chat")
        await why.get_by_role("link", name="Sign in").click()
        await expect(guest).to_have_url(re.compile(rf"/signin\?next=/{CREATOR}$"))


async def test_who_came_is_told_to_the_others(town: Town, channel: str) -> None:
    async with town.citizen(CREATOR) as first, town.citizen(VIEWER) as second:
        await first.goto(channel)
        await expect(first.locator(".chat-count")).to_have_text("1")
        await second.goto(channel)
        await expect(first.locator(".msg.event.people")).to_have_text(f"{VIEWER} joined")
        assert f"{CREATOR} joined" not in await first.locator(".chat-list").inner_text()


async def test_following(town: Town, channel: str) -> None:
    async with town.citizen(VIEWER) as viewer:
        await viewer.goto(channel)
        button = viewer.locator("form.follow button")
        followers = viewer.locator("[data-followers]")
        await expect(button).to_have_text("Follow")
        await expect(followers).to_have_text("0")
        await remember(viewer)
        await button.click()
        await expect(button).to_have_text("Following")
        await expect(button).to_have_attribute("aria-pressed", "true")
        await expect(followers).to_have_text("1")
        assert await is_same_document(viewer)

        await viewer.goto(f"{town.site.url}/following")
        await expect(viewer.locator(f"main [data-channel={CREATOR}]").first).to_be_visible()
        await viewer.goto(channel)
        await expect(button).to_have_text("Following")
        await button.click()
        await expect(button).to_have_text("Follow")
        await expect(followers).to_have_text("0")
        await viewer.goto(f"{town.site.url}/following")
        await expect(viewer.locator(f"main [data-channel={CREATOR}]")).to_have_count(0)


async def test_the_controls(town: Town, channel: str) -> None:
    async with town.guest() as viewer:
        await viewer.goto(channel)
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        await remember(viewer)
        await expect(viewer.locator(".player-quality")).to_have_text("360p")
        await expect(viewer.locator(".player-latency")).to_have_text(
            re.compile(r"^\d\.\d s behind$")
        )

        # Sound comes with a click, and goes and comes with M.
        assert await video(viewer, "v.muted") is True
        await viewer.get_by_role("button", name="Unmute").first.click()
        assert await video(viewer, "[v.muted, v.paused, v.volume > 0]") == [False, False, True]
        await watch.beyond(await watch.position() + 0.5, timeout=5)
        await expect(viewer.locator(".player-unmute")).to_be_hidden()
        await viewer.keyboard.press("m")
        assert await video(viewer, "v.muted") is True
        await viewer.keyboard.press("m")
        assert await video(viewer, "[v.muted, v.paused]") == [False, False]

        # Paused for a while; the rest is tried meanwhile.
        await watch.settle(within=1.6)
        await viewer.keyboard.press("k")
        assert await video(viewer, "v.paused") is True
        paused_at, began = await watch.position(), time.monotonic()
        html = viewer.locator("html")
        narrow = await player(viewer).bounding_box()
        await viewer.keyboard.press("t")
        await expect(html).to_have_attribute("data-theatre", "on")
        wide = await player(viewer).bounding_box()
        assert narrow is not None
        assert wide is not None
        assert wide["width"] > narrow["width"] + 100
        await expect(viewer.locator("header.top")).to_be_hidden()
        await expect(viewer.locator(".chat")).to_be_visible()
        await viewer.keyboard.press("Escape")
        await expect(html).to_have_attribute("data-theatre", "off")
        await viewer.keyboard.press("c")
        await expect(viewer.locator(".chat")).to_be_hidden()
        await viewer.keyboard.press("c")
        await expect(viewer.locator(".chat")).to_be_visible()
        await viewer.get_by_role("button", name="Settings").click()
        menu = viewer.locator(".player-menu")
        choices = menu.locator("[role=menuitemradio] > span")
        await expect(choices).to_have_text(["Auto", "360p (source)"])
        await viewer.keyboard.press("Escape")
        await expect(menu).to_be_hidden()
        await asyncio.sleep(LONG_PAUSE - (time.monotonic() - began))  # the pause itself
        assert await watch.position() == paused_at

        # The return is to what happens now, not to what was missed.
        await viewer.keyboard.press("k")
        away = time.monotonic() - began
        await watch.beyond(paused_at + away - 3, timeout=6)
        await watch.settle(within=2)
        assert await video(viewer, "v.paused") is False
        assert await is_same_document(viewer)


async def test_who_comes_early_and_who_comes_late(town: Town) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(town.citizen(CREATOR))
        early = await stack.enter_async_context(town.guest())
        late = await stack.enter_async_context(town.guest())
        await make_channel(creator, town.site.url, "later")
        key = await reveal_key(creator)
        await early.goto(f"{town.site.url}/later")
        await expect(early.locator(".player-offline")).to_be_visible()
        await expect(early.locator(".player-controls")).to_be_hidden()
        await remember(early)

        publisher = await stack.enter_async_context(
            publishing(town.site.rtmp_url(key), *SMALL, "--gop", "2")
        )
        watch = Watch(early)
        await watch.playing(timeout=15)
        await expect(early.locator(".player-offline")).to_be_hidden()
        await expect(early.locator("p.by .uptime")).to_have_text(re.compile(r"^0:00:\d\d$"))
        await expect(early.locator(".player-unmute")).to_be_visible()
        await watch.beyond(await watch.position() + 6, timeout=15)

        # Who comes in the middle sees what happens now, at once.
        await late.goto(f"{town.site.url}/later")
        joined = Watch(late)
        await joined.playing(timeout=6)
        await joined.settle(within=2)
        assert await is_same_document(early)

        # A broadcast that ends and a new one: both pages go on by themselves.
        await remember(late)
        await publisher.stop()
        for page in (early, late):
            await expect_state(player(page), "offline")
        await stack.enter_async_context(publishing(town.site.rtmp_url(key), *SMALL))
        for page in (early, late):
            await expect_state(player(page), "live", seconds=15)
            await Watch(page).playing(timeout=15)
            assert await is_same_document(page)
