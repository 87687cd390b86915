"""A creator at work: key, broadcast, words, pictures and chat, each change seen at once by those
who have the channel's page open."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from tests.support.publisher import PublisherProcess, publishing
from tests.support.screen import Watch
from tests.support.steps import (
    SMALL,
    confirm,
    describe,
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


@contextlib.asynccontextmanager
async def on_air(town: Town, dashboard: Page, key: str) -> AsyncIterator[PublisherProcess]:
    """Publish with a key until the block ends; begins when the creator's page says live."""
    async with publishing(town.site.rtmp_url(key), *SMALL) as publisher:
        await expect_state(signal(dashboard), "live", seconds=15)
        yield publisher


async def test_a_new_key_cuts_the_old_one_off(town: Town) -> None:
    async with town.citizen(CREATOR) as creator, town.guest() as viewer:
        await make_channel(creator, town.site.url, "harbour")
        old = await reveal_key(creator)
        async with on_air(town, creator, old) as publisher:
            await viewer.goto(f"{town.site.url}/harbour")
            watch = Watch(viewer)
            await watch.playing(timeout=15)
            await remember(viewer)

            await confirm(creator, "Make a new key")
            await expect(creator.locator(".notice.good")).to_contain_text("new stream key")
            status, _ = await asyncio.wait_for(publisher.wait(), 3)
            assert status == 1, "the encoder was not told that something is wrong"
            await expect_state(player(viewer), "interrupted")

            # What the encoder does now, as OBS would: it tries again with what it has.
            heard = len(town.site.log)
            async with publishing(town.site.rtmp_url(old), *SMALL) as again:
                status, _ = await again.wait()
            assert status == 1
            await town.site.logs("is refused: bad_key", after=heard)

        new = await reveal_key(creator)
        assert new != old
        before = await watch.position()
        async with on_air(town, creator, new):
            await watch.beyond(before + 1, timeout=15)
            assert await is_same_document(viewer)
        assert not any(key in line for key in (old, new) for line in town.site.log)


async def test_ending_a_broadcast_keeps_the_encoder_away(town: Town) -> None:
    async with contextlib.AsyncExitStack() as stack:
        creator = await stack.enter_async_context(town.citizen(CREATOR))
        neighbour = await stack.enter_async_context(town.citizen(VIEWER))
        viewer = await stack.enter_async_context(town.guest())
        await open_dashboard(creator, town.site.url, CREATOR)
        await open_dashboard(neighbour, town.site.url, VIEWER)
        key = await reveal_key(creator)
        publisher = await stack.enter_async_context(on_air(town, creator, key))
        other = await stack.enter_async_context(
            on_air(town, neighbour, await reveal_key(neighbour))
        )
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        await Watch(viewer).playing(timeout=15)
        away = await viewer.context.new_page()
        await away.goto(f"{town.site.url}/{VIEWER}")
        beside = Watch(away)
        await beside.playing(timeout=15)

        began = datetime.now(UTC)
        await confirm(creator, "End broadcast")
        status, _ = await asyncio.wait_for(publisher.wait(), 3)
        assert status == 1
        await expect_state(player(viewer), "offline")
        await expect(viewer.locator(".player-offline-title")).to_have_text("The stream has ended")
        await expect_state(signal(creator), "offline")
        await expect(creator.locator(".notice.warn")).to_contain_text("refused until")
        until = datetime.fromisoformat(
            await creator.locator(".notice.warn time").get_attribute("datetime") or ""
        )
        assert 55 <= (until - began).total_seconds() <= 65

        # The encoder comes back at once, as OBS does, and again after a while.
        for _ in range(2):
            heard = len(town.site.log)
            async with publishing(town.site.rtmp_url(key), *SMALL) as again:
                status, _complaint = await again.wait()
            assert status == 1
            await town.site.logs("is refused: ended_by_creator", after=heard)
        await expect_state(player(viewer), "offline")

        # Nobody else noticed anything.
        assert other.running
        await expect_state(player(away), "live")
        seen = await beside.smooth(2)
        assert seen.stalls == 0, seen
        assert seen.advanced > 1.8, seen


async def test_a_second_encoder_on_one_key_is_refused(town: Town) -> None:
    async with town.citizen(CREATOR) as creator, town.guest() as viewer:
        await make_channel(creator, town.site.url, "quay")
        key = await reveal_key(creator)
        async with on_air(town, creator, key) as first:
            await viewer.goto(f"{town.site.url}/quay")
            watch = Watch(viewer)
            await watch.playing(timeout=15)
            await watch.settle()
            heard = len(town.site.log)
            async with publishing(town.site.rtmp_url(key), *SMALL) as second:
                status, _ = await second.wait()
            assert status == 1
            await town.site.logs("is refused: already_live", after=heard)
            # OBS says little of why: the creator's open page tells it.
            notice = creator.locator("[data-notices] .notice")
            await expect(notice).to_contain_text("Another encoder is live with this stream key")
            assert first.running
            seen = await watch.smooth(2)
            assert seen.stalls == 0, seen
            assert seen.advanced > 1.8, seen
            await expect_state(player(viewer), "live")


async def test_an_open_page_follows_the_title(town: Town) -> None:
    async with town.citizen(CREATOR) as creator, town.guest() as viewer:
        await open_dashboard(creator, town.site.url, CREATOR)
        await describe(creator, title="Sketching boats", category="Art", tags="ink")
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        home = await viewer.context.new_page()
        await home.goto(town.site.url)
        card = home.locator(f".card[data-channel={CREATOR}]").first
        await expect(viewer.locator("h1")).to_have_text("Sketching boats")
        await expect(card.locator(".title-text")).to_have_text("Sketching boats")
        for page in (viewer, home):
            await remember(page)

        await describe(creator, title="Varnish & <i>regret</i>", category="Crafts", tags="ink")
        await expect(viewer.locator("h1")).to_have_text("Varnish & <i>regret</i>")
        await expect(viewer.locator("p.by .category-text")).to_have_text("Crafts")
        await expect(card.locator(".title-text")).to_have_text("Varnish & <i>regret</i>")
        for page in (viewer, home):
            assert await is_same_document(page)


async def test_a_thumbnail_is_shown_and_a_bad_one_is_explained(town: Town) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (800, 600), (20, 160, 40)).save(picture, "PNG")
    async with town.citizen(CREATOR, allow="status of 422") as creator, town.guest() as viewer:
        await open_dashboard(creator, town.site.url, CREATOR)
        await creator.set_input_files(
            "#thumbnail",
            {"name": "shot.png", "mimeType": "image/png", "buffer": picture.getvalue()},
        )
        await creator.click("form[action*='/thumbnail'] button")
        await expect(creator.locator(".notice.good")).to_contain_text("thumbnail")

        await viewer.goto(town.site.url)
        shown = viewer.locator(f".card[data-channel={CREATOR}] .thumb img").first
        await shown.scroll_into_view_if_needed()
        red, green, blue, wide, high = await shown.evaluate(
            """async (img) => {
              await img.decode();
              const context = new OffscreenCanvas(1, 1).getContext('2d');
              context.drawImage(img, 0, 0, 1, 1);
              const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
              return [red, green, blue, img.naturalWidth, img.naturalHeight];
            }"""
        )
        assert red < 60 < 120 < green, (red, green, blue)
        assert blue < 80, (red, green, blue)
        assert wide * 9 == high * 16

        await creator.set_input_files(
            "#thumbnail",
            {"name": "shot.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnot really"},
        )
        await creator.click("form[action*='/thumbnail'] button")
        told = creator.locator("#thumbnail-error")
        await expect(told).to_be_visible()
        assert re.search(r"PNG|JPEG", await told.inner_text())
        await expect(creator.locator("#thumbnail")).to_have_attribute("aria-invalid", "true")


async def test_a_new_channel_is_a_place_of_its_own(town: Town) -> None:
    async with town.citizen(CREATOR, allow="status of 4(09|22)") as creator:
        await open_dashboard(creator, town.site.url, CREATOR)
        first = await reveal_key(creator)
        await make_channel(creator, town.site.url, "studio_b")
        assert await reveal_key(creator) != first
        await creator.goto(f"{town.site.url}/studio_b")
        await expect(creator.locator("h1")).to_have_text("studio_b")
        await expect(creator.locator(".player-offline")).to_be_visible()
        await creator.goto(f"{town.site.url}/dashboard")
        for name in (CREATOR, "studio_b"):
            await expect(creator.locator(f".channel-row[data-channel={name}]")).to_be_visible()

        # Names that are taken or that the site keeps for itself are refused in words.
        for taken in ("Studio_B", "dashboard"):
            await creator.goto(f"{town.site.url}/new-channel")
            await creator.fill("input[name=name]", taken)
            await creator.click("main form button")
            await expect(creator.locator("#f-name-error")).to_be_visible()
            await expect(creator.locator("input[name=name]")).to_have_value(taken)
    async with town.citizen(VIEWER, allow="status of 404") as other:
        answer = await other.goto(f"{town.site.url}/dashboard/studio_b")
        assert answer is not None
        assert answer.status == 404


async def test_switching_the_chat_off_is_seen_at_once(town: Town) -> None:
    async with town.citizen(CREATOR) as creator, town.citizen(VIEWER) as viewer:
        await open_dashboard(creator, town.site.url, CREATOR)
        await viewer.goto(f"{town.site.url}/{CREATOR}")
        await say(viewer, "before the silence")
        await expect(messages(viewer).last).to_have_text("before the silence")
        await remember(viewer)
        switch = creator.get_by_role("switch", name="Chat room")

        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "false")
        await expect(viewer.locator(".chat-why")).to_have_text(
            f"{CREATOR} has switched the chat off."
        )
        await expect(viewer.locator(".chat-form")).to_be_hidden()
        await expect(messages(viewer).last).to_have_text("before the silence")

        await switch.click()
        await expect(viewer.locator(".chat-form")).to_be_visible()
        await expect(viewer.locator(".chat-why")).to_be_hidden()
        await say(viewer, "and after it")
        await expect(messages(viewer).last).to_have_text("and after it")
        assert await is_same_document(viewer)


async def test_slow_mode_paces_everyone_but_the_creator(town: Town) -> None:
    async with town.citizen(CREATOR) as creator, town.citizen(VIEWER) as viewer:
        await make_channel(creator, town.site.url, "pier")
        await viewer.goto(f"{town.site.url}/pier")
        await expect(viewer.locator(".chat-send")).to_be_enabled()
        switch = creator.get_by_role("switch", name="Slow mode")
        await creator.get_by_label("Seconds between messages").fill("4")
        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "true")
        rule = viewer.locator(".chat-modes .tag")
        await expect(rule).to_have_text("Slow: one message every 4 s")

        # The button counts the seconds down after a message, and is free again then.
        send = viewer.locator(".chat-send")
        await say(viewer, "one")
        await expect(messages(viewer).last).to_have_text("one")
        await expect(send).to_be_disabled()
        await expect(send).to_have_text(re.compile(r"^[1-4] s$"))
        await expect(send).to_be_enabled(timeout=6000)
        await expect(send).to_have_text("Send")

        # A page that was loaded anew has forgotten the wait; the site has not.
        await say(viewer, "two")
        await expect(messages(viewer).last).to_have_text("two")
        await viewer.reload()
        await expect(send).to_be_enabled()
        await say(viewer, "three, too early")
        await expect(viewer.locator(".chat-refused")).to_have_text(
            re.compile(r"^Slow mode is on\. You can write again in [1-4] s\.$")
        )
        await expect(viewer.locator(".chat-input")).to_have_value("three, too early")
        await expect(send).to_have_text(re.compile(r"^[1-4] s$"))
        await expect(send).to_be_enabled(timeout=6000)
        await viewer.press(".chat-input", "Enter")
        await expect(messages(viewer).last).to_have_text("three, too early")

        await creator.goto(f"{town.site.url}/pier")
        for text in ("I am not slow", "not at all"):
            await say(creator, text)
            await expect(messages(viewer).last).to_have_text(text, timeout=2000)
        await expect(creator.locator(".chat-send")).to_be_enabled()
