"""Viewers whose network lets them to the site and not to the media port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.gate import Gate, gate
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.site_process import free_ports, make_site
from tests.support.steps import SMALL, expect_state, open_dashboard, player, reveal_key, signal
from tests.support.town import Town

pytestmark = pytest.mark.timeout(90)

CREATOR = "northlight"
SOON = 5.0
"""Seconds from opening the page to a moving picture."""
SECONDS = 4.0
BLOCKED = "Failed to load resource: net::ERR_"
"""What Chromium says of a port that refuses."""
FULL = "Failed to load resource: the server responded with a status of 503"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def blocked(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> AsyncIterator[tuple[Town, Gate]]:
    """A site on air, and the gate through which players come to its media port."""
    folder = tmp_path_factory.mktemp("fallback")
    database = shutil.copy(sqlite_template, folder / "metropole.sqlite3")
    site = make_site(folder, f"sqlite:///{database}")
    (port,) = free_ports(1)
    await site.init()
    text = site.config.read_text()
    site.config.write_text(
        f'media_url = "http://127.0.0.1:{port}"\n{text}\n[media_fallback]\nmax_viewers = 1\n'
    )
    async with gate(port, site.media_port) as media:
        await site.start()
        town = Town(browser, site)
        async with town.citizen(CREATOR) as creator:
            await open_dashboard(creator, site.url, CREATOR)
            key = await reveal_key(creator)
            async with publishing(site.rtmp_url(key), *SMALL):
                await expect_state(signal(creator), "live", seconds=15)
                await creator.goto("about:blank")
                yield town, media
        assert await site.stop() == 0
        assert "Traceback" not in "".join(site.log), "".join(site.log)


async def open_statistics(page: Page) -> None:
    await player(page).hover()  # the buttons hide while nobody moves
    await page.locator("[data-act=settings]").click()
    await page.get_by_role("menuitemcheckbox", name="Statistics").click()


async def expect_route(page: Page, words: str) -> None:
    """What the panel says of the way."""
    route = page.locator(".player-stats dt", has_text="Route").locator("+ dd")
    await expect(route).to_have_text(words, timeout=8000)


@pytest.mark.parametrize("how", ["refuse", "swallow"])
async def test_a_blocked_media_port(blocked: tuple[Town, Gate], how: str) -> None:
    town, media = blocked
    await getattr(media, how)()
    passed = media.passed
    async with town.guest(allow=BLOCKED) as viewer:
        began = time.monotonic()
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        took = time.monotonic() - began
        await open_statistics(viewer)
        await expect_route(viewer, "through the site's port")
        await watch.settle(within=2)
        seen = await watch.smooth(SECONDS)
        print(f"\n{how}: picture after {took:.1f} s, {seen}")
        assert took < SOON
        assert seen.stalls == 0, seen
        assert seen.advanced > 0.9 * SECONDS, seen
        assert seen.brightness > 20, "the picture is black"
        assert seen.latency_p50 < 2, seen
    assert media.passed == passed


async def test_a_media_port_that_dies_and_comes_back(blocked: tuple[Town, Gate]) -> None:
    town, media = blocked
    await media.let_pass()
    async with town.guest(allow=BLOCKED) as viewer:
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        await open_statistics(viewer)
        await expect_route(viewer, "from the media port")
        await watch.settle(within=2)
        began = time.monotonic()
        await media.swallow()
        await expect_route(viewer, "through the site's port")
        turned = time.monotonic() - began
        await watch.beyond(await watch.position() + 2, timeout=10)
        seen = await watch.smooth(SECONDS)
        print(f"\nthe turn came after {turned:.1f} s, {seen}")
        assert turned < SOON
        assert seen.stalls == 0, seen
        assert seen.advanced > 0.9 * SECONDS, seen

        await media.let_pass()
        passed = media.passed
        await asyncio.sleep(1)  # nobody may come back by himself in this time
        assert media.passed - passed < 1000, "it goes to and fro"
        await viewer.evaluate("sessionStorage.clear()")  # minutes later
        await viewer.reload()
        await watch.playing(timeout=15)
        await open_statistics(viewer)
        await expect_route(viewer, "from the media port")


@contextlib.asynccontextmanager
async def holding_the_seat(site: str) -> AsyncIterator[None]:
    """Somebody else is the one viewer for whom there is room, once the last one's seat is free."""
    held = asyncio.Event()

    def ask(path: str) -> bytes:
        request = urllib.request.Request(path, headers={"User-Agent": "somebody else"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bytes(answer.read())

    async def hold() -> None:
        data = json.loads(await asyncio.to_thread(ask, f"{site}/{CREATOR}?fragment=page-data"))
        while True:
            with contextlib.suppress(urllib.error.HTTPError):
                await asyncio.to_thread(ask, data["sources"][0]["fallback_url"])
                held.set()
            await asyncio.sleep(0.5)

    holding = asyncio.create_task(hold())
    try:
        await asyncio.wait_for(held.wait(), 15)
        yield
    finally:
        holding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await holding


async def test_a_detour_that_is_full(blocked: tuple[Town, Gate]) -> None:
    town, media = blocked
    await media.refuse()
    async with (
        holding_the_seat(town.site.url),
        town.guest(allow=f"{BLOCKED}|{FULL}") as viewer,
    ):
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        notice = viewer.locator(".player-notice")
        await expect(notice).to_be_visible(timeout=20_000)
        await expect(notice).to_have_text(re.compile("the detour is full"))
    await town.site.logs("see to it that the media port can be reached")
