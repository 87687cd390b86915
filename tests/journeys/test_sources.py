"""Encoders that come back with other settings, or begin oddly: whoever watches plays on, on the
page that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.support.clips import clip
from tests.support.encoded import encode
from tests.support.rtmp_script import (
    Script,
    Sent,
    later,
    metadata,
    ordered,
    perform,
    script,
    without,
)
from tests.support.screen import Watch
from tests.support.steps import is_same_document, open_dashboard, player, remember, reveal_key
from tests.support.town import Town

pytestmark = pytest.mark.timeout(120)

CREATOR = "weaver"
SIZE = (320, 180)
VIDEO = "document.querySelector('metropole-player video')"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def key(town: Town) -> AsyncIterator[str]:
    async with town.citizen(CREATOR) as creator:
        await open_dashboard(creator, town.site.url, CREATOR)
        yield await reveal_key(creator)


async def opened(town: Town, page: Page) -> Watch:
    await page.goto(f"{town.site.url}/{CREATOR}")
    await remember(page)
    return Watch(page)


async def shows(page: Page, width: int) -> None:
    """Wait until the picture is that wide and moves."""
    await page.wait_for_function(f"() => {VIDEO}.videoWidth === {width}", timeout=15_000)
    frames = await page.evaluate(f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames")
    await page.wait_for_function(
        f"() => {VIDEO}.getVideoPlaybackQuality().totalVideoFrames > {frames} + 20", timeout=15_000
    )


async def decoded_sound(page: Page) -> int:
    """Octets of sound that the browser has decoded so far."""
    return int(await page.evaluate(f"{VIDEO}.webkitAudioDecodedByteCount"))


def source(seconds: float, **change: object) -> Script:
    return script(encode(seconds=seconds, gop=30, size=SIZE, **change))  # type: ignore[arg-type]


async def test_an_encoder_returns_with_another_size_and_then_without_sound(
    town: Town, key: str
) -> None:
    port = town.site.rtmp_port
    async with town.guest() as page:
        watch = await opened(town, page)
        sending = asyncio.create_task(perform(port, key, source(7), goodbye=False))
        await watch.playing(timeout=20)
        await shows(page, 320)
        await sending
        large = script(encode(seconds=7.0, gop=30, size=(480, 270), take=1))
        sending = asyncio.create_task(perform(port, key, large, goodbye=False))
        await shows(page, 480)
        await sending
        mute = script(encode(seconds=9.0, gop=30, size=SIZE, audio=False, take=2))
        sending = asyncio.create_task(perform(port, key, mute))
        await shows(page, 320)
        await sending
        assert await is_same_document(page)


async def test_another_size_on_the_way_and_a_while_without_sound_stop_nobody(
    town: Town, key: str
) -> None:
    larger = script(clip("h264", "aac", 8.0, size=(480, 270)))
    mute = without(larger, lambda one: one.audio and one.frame and 1500 <= one.dts < 4000)
    sent = [*script(clip("h264", "aac", 4.0, size=SIZE)), *later(mute, 4.0)]
    async with town.guest() as page:
        watch = await opened(town, page)
        sending = asyncio.create_task(perform(town.site.rtmp_port, key, sent))
        await watch.playing(timeout=20)
        await shows(page, 480)
        before, heard = await watch.position(), await decoded_sound(page)
        await asyncio.sleep(4)
        assert await watch.position() - before > 3.5
        assert await decoded_sound(page) > heard
        await sending
        assert await is_same_document(page)


async def test_sound_alone_is_played_without_a_stop(town: Town, key: str) -> None:
    async with town.guest() as page:
        watch = await opened(town, page)
        sound = script(encode(seconds=12.0, video=False, take=3))
        sending = asyncio.create_task(perform(town.site.rtmp_port, key, sound))
        await watch.playing(timeout=20)
        before, heard = await watch.position(), await decoded_sound(page)
        await asyncio.sleep(4)
        assert await watch.position() - before > 3.5
        assert await decoded_sound(page) > heard
        await sending


async def test_a_picture_whose_sound_comes_late_is_played_at_once(town: Town, key: str) -> None:
    late = without(source(10, take=4), lambda one: one.audio and one.frame and one.dts < 2000)
    async with town.guest() as page:
        watch = await opened(town, page)
        sending = asyncio.create_task(perform(town.site.rtmp_port, key, late))
        await watch.playing(timeout=20)
        await shows(page, 320)
        before = await watch.position()
        await asyncio.sleep(3)
        assert await watch.position() - before > 2.6
        await sending


async def test_sound_that_is_described_late_joins_the_picture(town: Town, key: str) -> None:
    """Another kind of stream for the browser: the player begins anew by itself."""
    whole = source(12, take=5)
    promise = metadata({"videocodecid": 7.0, "framerate": 30.0})
    late = [one for one in whole[1:] if not (one.audio and one.at < 2.5)]
    header = next(one for one in whole if one.audio and one.header)
    async with town.guest() as page:
        watch = await opened(town, page)
        sending = asyncio.create_task(
            perform(town.site.rtmp_port, key, ordered([promise, *late, _at(header, 2.5)]))
        )
        await watch.playing(timeout=20)
        await page.wait_for_function(
            f"() => {VIDEO}.webkitAudioDecodedByteCount > 0", timeout=10_000
        )
        await shows(page, 320)
        assert await is_same_document(page)
        assert await player(page).get_attribute("data-state") == "live"
        await sending


def _at(one: Sent, seconds: float) -> Sent:
    return replace(one, at=seconds, timestamp=round(seconds * 1000))
