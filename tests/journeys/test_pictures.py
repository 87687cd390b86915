"""Pictures of the pages with the demonstration's content, at every width and in both schemes.

They are written to `test-output/`; with METROPOLE_UPDATE_PICTURES=1 those that the documentation
shows are written to `docs/images/` as well.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from metropole_cli.demo import art
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.support.browser import person
from tests.support.demo import GREETED, ON_AIR, Demo
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.steps import (
    describe,
    expect_state,
    make_channel,
    messages,
    reveal_key,
    say,
    sign_in,
    signal,
)

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "test-output"
DOCS = ROOT / "docs" / "images"
IN_DOCS = {"channel-1440-dark", "home-1440-dark", "dashboard-1440-dark", "channel-390-dark"}
LARGEST = 250_000
"""Octets of a picture in the documentation."""
WINDOWS = {390: 844, 1024: 768, 1440: 900, 2560: 1440}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("light", "dark")
MAYOR, VIEWER = "mayor", "marisol"

pytestmark = pytest.mark.timeout(180)


@dataclass
class Shown:
    """The demonstration, with a second channel on air, and two people who are signed in."""

    url: str
    mayor: Page
    viewer: Page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    demo = Demo(tmp_path_factory.mktemp("pictures"))
    await demo.start()
    try:
        await demo.says(GREETED)
        await demo.says(ON_AIR)
        async with contextlib.AsyncExitStack() as stack:
            mayor = await stack.enter_async_context(person(browser))
            viewer = await stack.enter_async_context(person(browser))
            await sign_in(mayor, demo.url, MAYOR, demo.password(MAYOR))
            await sign_in(viewer, demo.url, VIEWER, demo.password(VIEWER))
            key = await furnish(mayor, demo.url)
            url = f"rtmp://127.0.0.1:{demo.rtmp}/live/{key}"
            await stack.enter_async_context(publishing(url, "--size", "640x360"))
            await expect_state(signal(mayor), "live", seconds=15)
            yield Shown(demo.url, mayor, viewer)
    finally:
        code = await demo.end()
        assert code == 0, demo.said.decode()
    assert b"Traceback" not in demo.said, demo.said.decode()


async def furnish(mayor: Page, url: str) -> str:
    """Give the mayor a channel worth looking at.

    Returns:
        Its stream key.
    """
    await make_channel(mayor, url, "townsquare")
    for kind, picture in (
        ("thumbnail", art.thumbnail("townsquare")),
        ("avatar", art.avatar("townsquare")),
    ):
        await mayor.set_input_files(
            f"#{kind}", {"name": "drawn.png", "mimeType": "image/png", "buffer": picture}
        )
        await mayor.click(f"form[action*='/{kind}'] button")
        await expect(mayor.locator(".notice.good")).to_be_visible()
    await mayor.get_by_role("switch", name="Slow mode").click()
    await describe(
        mayor,
        title="Market day on the town square",
        category="Outdoors",
        tags="city, live audio",
    )
    return await reveal_key(mayor)


async def take(
    page: Page, name: str, *, widths: tuple[int, ...], ready: str, pointer: str = ""
) -> None:
    """Take a picture at each width, in both schemes; nothing may stick out to the side.

    Arguments:
        ready: selector of what has to be seen first.
        pointer: selector of what the pointer moves over just before.
    """
    OUTPUT.mkdir(exist_ok=True)
    await page.emulate_media(reduced_motion="reduce")  # before colours change, which fade
    for width in widths:
        await page.set_viewport_size({"width": width, "height": WINDOWS[width]})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await expect(page.locator(ready).first).to_be_visible()
            await expect(page.locator(".player-spinner:visible")).to_have_count(0)
            await page.evaluate("document.fonts.ready.then(() => null)")
            await page.evaluate(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            await page.wait_for_function(
                "() => [...document.images].every((i) => i.complete || i.loading === 'lazy'"
                " && i.getBoundingClientRect().top > innerHeight)",
                polling=50,
            )
            if pointer:
                await page.mouse.move(0, 0)
                await page.hover(pointer)
            beyond = await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert beyond <= 0, f"{name} sticks out by {beyond} px at {width}"
            shot = await page.screenshot(animations="disabled", caret="hide")
            full = f"{name}-{width}-{scheme}"
            (OUTPUT / f"{full}.png").write_bytes(shot)
            if full in IN_DOCS and os.environ.get("METROPOLE_UPDATE_PICTURES") == "1":
                DOCS.mkdir(exist_ok=True)
                (DOCS / f"{full}.png").write_bytes(smaller(shot))


def smaller(shot: bytes) -> bytes:
    """The same picture, in fewer colours if it is too large."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    packed = io.BytesIO()
    image.save(packed, "PNG", optimize=True)
    if packed.tell() > LARGEST:
        packed = io.BytesIO()
        image.quantize(256, method=Image.Quantize.FASTOCTREE).save(packed, "PNG", optimize=True)
    assert packed.tell() <= LARGEST, "the picture is too rich for the documentation"
    return packed.getvalue()


async def test_the_channel_page(shown: Shown) -> None:
    viewer, mayor = shown.viewer, shown.mayor
    await viewer.goto(f"{shown.url}/northlight")
    watch = Watch(viewer)
    await watch.playing(timeout=15)
    await viewer.get_by_role("button", name="Unmute").first.click()
    await mayor.goto(f"{shown.url}/northlight")
    await say(mayor, "the council approves of the sails")
    await expect(messages(viewer).last).to_have_text("the council approves of the sails")
    await say(viewer, "which white are you using for them, @northlight?")
    await expect(messages(viewer).last).to_contain_text("which white")
    await mayor.goto("about:blank")
    await watch.beyond(await watch.position() + 2, timeout=10)
    await viewer.locator(".chat-input").blur()
    # The pointer moves over the player, so that its controls are shown.
    await take(
        viewer,
        "channel",
        widths=(390, 1024, 1440, 2560),
        ready=".player-controls:has(.player-latency:not(:empty))",
        pointer=".player-video",
    )
    await expect(viewer.locator(".player-quality")).to_have_text("720p")
    assert await viewer.locator(".msg[data-id]").count() >= 8


async def test_the_home_page(shown: Shown) -> None:
    viewer, mayor = shown.viewer, shown.mayor
    await mayor.goto(f"{shown.url}/northlight")
    await Watch(mayor).playing(timeout=15)
    await viewer.goto("about:blank")
    # The list counts as of when it is made; what changes before its socket is open comes later.
    await expect(mayor.locator(".viewers[data-viewers='1']").first).to_be_attached(timeout=15_000)
    await viewer.goto(shown.url)
    await expect(viewer.locator(".badge:has(.viewers-word)").first).to_have_text("1 viewer")
    for channel in ("northlight", "townsquare"):
        await expect(
            viewer.locator(f"[data-channel={channel}][data-state=live]").first
        ).to_be_visible()
    await take(viewer, "home", widths=(390, 1024, 1440, 2560), ready=".live-badge")


async def test_the_dashboard(shown: Shown) -> None:
    mayor = shown.mayor
    await mayor.goto(f"{shown.url}/dashboard/townsquare")
    await expect_state(signal(mayor), "live")
    await take(mayor, "dashboard", widths=(390, 1440), ready=".live-badge")


async def test_pages_of_guests(shown: Shown, browser: Browser) -> None:
    async with person(browser) as guest:
        await guest.goto(shown.url)
        await take(guest, "guest-home", widths=(390, 1440), ready=".live-badge")
        await guest.goto(f"{shown.url}/st_pauls")
        await expect(guest.locator("p.by b")).to_have_text("St Paul's")
        await take(guest, "channel-offline", widths=(390, 1440), ready=".player-offline")
        await guest.goto(f"{shown.url}/signup")
        await take(guest, "signup", widths=(390, 1440), ready="main form")
