"""The site's process dies while two channels are on air, and is started again: who comes back goes
on, who does not is offline, and the page of a viewer follows without a reload, as does a page of
somebody else's on plain hls.js. The playlist they knew goes on under the same address."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response, expect

from tests.support.browser import person
from tests.support.playlist_check import check_history
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.site_process import SiteProcess
from tests.support.steps import (
    SMALL,
    expect_state,
    is_same_document,
    make_channel,
    open_dashboard,
    player,
    remember,
    reveal_key,
    sign_up,
)
from tests.support.strangers import HLS_JS, START_PATIENT_HLS_JS, stranger

WINDOW = 12.0
"""Seconds: long enough for a start and an encoder, short enough to wait for its end."""
STOP_SECONDS = 3.0
AWAY = r"^(WebSocket connection to|Failed to load resource)"
"""What the browser says of its own accord while nobody answers."""

pytestmark = pytest.mark.timeout(180)


@dataclass
class Playlists:
    """The media playlists that a page fetched, in order, by their address without the query."""

    page: Page
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.page.on("response", self._came)

    async def _came(self, response: Response) -> None:
        address = response.url.partition("?")[0]
        if not address.endswith("/v0.m3u8") or response.status != 200:
            return
        # One whose page went on meanwhile has no body any more.
        with contextlib.suppress(Exception):
            self.texts[address].append(await response.text())


async def status(site: SiteProcess, channel: str) -> dict[str, Any]:
    """A channel's live status over the API."""
    answer = await site.get(f"/api/v1/channels/{channel}/status")
    found: dict[str, Any] = json.loads(answer.partition("\r\n\r\n")[2])
    return found


async def becomes(site: SiteProcess, channel: str, state: str, seconds: float) -> dict[str, Any]:
    """Wait until a channel is in a state."""
    async with asyncio.timeout(seconds):
        while (found := await status(site, channel))["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return found


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)  # the stores are tested on both
async def test_a_crash_on_air(browser: Browser, site: SiteProcess) -> None:
    await site.stop()
    site.config.write_text(f"reconnect_window = {WINDOW}\n{site.config.read_text()}")
    await site.start()
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(person(browser, allow=AWAY))
        viewer = await stack.enter_async_context(person(browser, allow=AWAY))
        await sign_up(creator, site.url, "northlight")
        await make_channel(creator, site.url, "gridline")
        keys = {}
        for name in ("northlight", "gridline"):
            await open_dashboard(creator, site.url, name)
            keys[name] = await reveal_key(creator)
            await stack.enter_async_context(publishing(site.rtmp_url(keys[name]), *SMALL))
        began = await becomes(site, "northlight", "live", 20)
        await becomes(site, "gridline", "live", 20)
        fetched = Playlists(viewer)
        await viewer.goto(f"{site.url}/northlight")
        watch = Watch(viewer)
        await watch.playing(timeout=15)
        await remember(viewer)
        (address,) = fetched.texts
        index = address.replace("/v0.m3u8", "/index.m3u8")
        other = await stack.enter_async_context(person(browser, allow=AWAY))
        fetched_by_other = Playlists(other)
        await other.goto(stack.enter_context(stranger(HLS_JS, START_PATIENT_HLS_JS, index)))
        watch_other = Watch(other, "video")
        await watch_other.playing(timeout=15)

        assert await site.stop(signal.SIGKILL) == -signal.SIGKILL
        await site.start()
        for name in keys:
            assert (await status(site, name))["state"] == "interrupted"
        await expect_state(player(viewer), "interrupted")
        await stack.enter_async_context(publishing(site.rtmp_url(keys["northlight"]), *SMALL))
        again = await becomes(site, "northlight", "live", WINDOW)
        assert again["started_at"] == began["started_at"], "it is the same broadcast"
        await expect_state(player(viewer), "live")
        await watch.playing(timeout=20)
        await watch_other.playing(timeout=20)
        assert await is_same_document(viewer)
        for playlists in (fetched, fetched_by_other):
            (texts,) = playlists.texts.values()
            assert list(playlists.texts) == [address]
            history = check_history(texts)
            assert history[-1].segments[0].number > history[0].segments[-1].number + 1
        await expect(viewer.locator("p.by .viewers")).to_have_text("1", timeout=15_000)

        await becomes(site, "gridline", "offline", WINDOW + 5)
        assert (await status(site, "northlight"))["state"] == "live"

        before = time.monotonic()
        assert await site.stop() == 0
        assert time.monotonic() - before < STOP_SECONDS
        assert "Traceback" not in "".join(site.log)
        assert not any(key in "".join(site.log) for key in keys.values())
