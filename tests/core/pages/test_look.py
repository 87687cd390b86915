"""The default theme in a real Chromium: axe finds nothing, nothing sticks out at any width, the
policy stops nothing of ours, and the scripts take the pages over."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from metropole_core.config import PluginsConfig, SiteConfig
from metropole_core.contracts.provider import ProviderEvent, ProviderEventKind
from metropole_core.keys import SiteKeys
from metropole_core.server import serve
from metropole_core.site import Site
from tests.support.browser import chromium
from tests.support.house import PASSWORD, PagesProvider

ROOT = Path(__file__).parents[3]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (390, 1024, 1440, 2560)
PAGES = {
    "home": ("/", None),
    "home signed in": ("/", "painter"),
    "channel": ("/painter", "listener"),
    "channel off air": ("/listener", None),
    "dashboard": ("/dashboard/painter", "painter"),
    "sign up": ("/signup", None),
    "sign in": ("/signin", None),
    "search": ("/search?q=dusk", None),
    "following": ("/following", "listener"),
    "error": ("/no_such_channel", None),
}
CHANNELS = {
    "painter": ("Painting the harbour at dusk, one layer at a time", "Art", ["oil", "boats"]),
    "listener": ("Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2, "Music", []),
    "weaver_of_twill": ("", "", ["loom"] + [f"tag{n}" for n in range(9)]),
}  # fmt: skip
SAID = ["the way you let the edge bleed into the water", "is that a filbert or a flat?", "w" * 200]


@dataclass
class Shown:
    """A site on a port, and a browser."""

    url: str
    site: Site
    browser: Browser
    sessions: dict[str, str]


@pytest.fixture(scope="module")
async def shown(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shown]:
    folder = tmp_path_factory.mktemp("look")
    shutil.copy(sqlite_template, folder / "metropole.sqlite3")
    SiteKeys.create(folder / "site.key")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    config = SiteConfig(
        data_dir=folder,
        bind=f"127.0.0.1:{port}",
        public_url=url,
        plugins=PluginsConfig(disabled=["provider_local", "ingest_rtmp"]),
    )
    opened: asyncio.Future[tuple[Site, dict[str, str]]] = asyncio.Future()

    async def ready(site: Site) -> None:
        opened.set_result((site, await _furnish(site)))

    stop = asyncio.Event()
    server = asyncio.create_task(serve(config, ready=ready, stop=stop))
    done, _ = await asyncio.wait({server, opened}, return_when=asyncio.FIRST_COMPLETED)
    if server in done:
        await server
    site, sessions = opened.result()
    try:
        async with chromium() as browser:
            yield Shown(url, site, browser, sessions)
    finally:
        stop.set()
        await server


async def _furnish(site: Site) -> dict[str, str]:
    site.registry.add("test", "register_provider", PagesProvider())
    sessions = {}
    for name, (title, category, tags) in CHANNELS.items():
        user = await site.accounts.create(name=name, password=PASSWORD, email=None)
        _, sessions[name] = await site.accounts.sign_in(
            login=name, password=PASSWORD, address="192.0.2.1", user_agent="test"
        )
        channel = await site.channels.by_name(name)
        assert channel is not None
        await site.channels.update(
            channel.id, title=title, category=category, tags=tags, description="One\n\ntwo"
        )
        if name == "painter":
            for kind in (ProviderEventKind.CONNECTED, ProviderEventKind.AVAILABLE):
                site.status.tell(channel.ref, ProviderEvent("pages", channel.id, kind, "s"))
        else:
            painter = await site.channels.by_name("painter")
            assert painter is not None
            await site.follows.follow(user.id, painter.id)
            for text in SAID:
                await site.chat.say(painter.id, user, text, address="192.0.2.2")
    await site.status.settled()
    return sessions


async def _open(
    shown: Shown, path: str, name: str | None, **options: Any
) -> tuple[Page, list[str]]:
    context = await shown.browser.new_context(locale="en-US", **options)
    if name is not None:
        await context.add_cookies(
            [{"name": "metropole_session", "value": shown.sessions[name], "url": shown.url}]
        )
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda m: (
            wrong.append(m.text) if m.type == "error" and "status of 4" not in m.text else None
        ),
    )
    await page.goto(shown.url + path)
    return page, wrong


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("which", PAGES)
async def test_axe_finds_nothing(shown: Shown, which: str, scheme: Any) -> None:
    path, name = PAGES[which]
    page, _ = await _open(shown, path, name, color_scheme=scheme, bypass_csp=True)
    # Without motion: a colour that fades in is measured as it is half-way.
    await page.emulate_media(reduced_motion="reduce")
    await page.add_script_tag(path=str(AXE))
    found = await page.evaluate(
        "async () => (await axe.run({resultTypes: ['violations']})).violations.map("
        "v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 160) + n.failureSummary).join(' | '))"
    )
    await page.context.close()
    assert found == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("which", PAGES)
async def test_nothing_sticks_out_or_is_stopped_by_the_policy(
    shown: Shown, which: str, scheme: Any, tmp_path: Path
) -> None:
    path, name = PAGES[which]
    page, wrong = await _open(shown, path, name, color_scheme=scheme)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{which} is {over} px too wide at {width} px"
        picture = tmp_path / f"{which}-{width}-{scheme}.png"
        await page.screenshot(path=picture)
        assert picture.stat().st_size > 5000
    await page.context.close()
    # Video that the tests' provider names is not there.
    assert [each for each in wrong if "media.example" not in each and "ERR_" not in each] == []


async def test_pages_work_without_scripts(shown: Shown) -> None:
    page, _ = await _open(
        shown, "/signin", None, java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    await page.get_by_label("Name").fill("listener")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("main button").click()
    await page.locator(".menu > summary").click()
    await (
        page.get_by_role("button", name="Light look")
        .or_(page.get_by_role("button", name="Dark look"))
        .first.click()
    )
    assert await page.locator("html").get_attribute("data-scheme") in ("light", "dark")
    await page.goto(f"{shown.url}/painter")
    assert await page.locator(".chat-notice").is_visible()
    assert await page.locator(".msg").count() == 6
    assert await page.get_by_role("button", name="Send").count() == 0
    await page.get_by_role("button", name="Following").click()
    await page.get_by_role("button", name="Follow", exact=True).click()
    assert await page.get_by_role("button", name="Following").is_visible()
    await page.context.close()


async def test_one_can_go_through_by_keyboard(shown: Shown) -> None:
    page, _ = await _open(shown, "/", None)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("location.hash") == "#main"
    seen = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        seen.append(
            await page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                "return [e.tagName, s.outlineStyle !== 'none' || "
                "getComputedStyle(e, '::after').outlineStyle !== 'none']; })()"
            )
        )
        if seen[-1][0] == "BODY":
            break
    assert len(seen) > 5
    assert all(ring for tag, ring in seen if tag != "BODY"), "each focus can be seen"
    await page.context.close()


async def test_the_layout_does_not_shift(shown: Shown) -> None:
    for path in ("/", "/painter"):
        page, _ = await _open(shown, "/signin", None)
        await page.context.add_init_script(
            "window.shifts = 0; new PerformanceObserver(list => {"
            " for (const e of list.getEntries()) window.shifts += e.hadRecentInput ? 0 : e.value;"
            "}).observe({type: 'layout-shift', buffered: true})"
        )
        await page.goto(shown.url + path, wait_until="networkidle")
        assert await page.evaluate("window.shifts") < 0.02, path
        await page.context.close()
