"""A real Chromium as a viewer has it: without the flag that allows sound before a click."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Literal

from playwright.async_api import Browser, Page, StorageState, async_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser that ends with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def person(
    browser: Browser,
    *,
    width: int = 1440,
    height: int = 900,
    scheme: Literal["dark", "light"] = "dark",
    state: StorageState | None = None,
    allow: str = "",
    trusting: bool = False,
) -> AsyncIterator[Page]:
    """Someone with a browser profile of their own; further tabs: `page.context.new_page()`.

    An error on a tab's console or an exception in a script fails the block's test, unless it
    matches the pattern `allow`.

    Arguments:
        state: cookies and storage that the profile begins with.
        trusting: take any certificate.
    """
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-US",
        color_scheme=scheme,
        storage_state=state,
        ignore_https_errors=trusting,
    )
    errors: list[str] = []
    context.on(
        "console", lambda m: errors.append(f"{m.text} {m.location}") if m.type == "error" else None
    )
    context.on("weberror", lambda thrown: errors.append(str(thrown.error)))
    page = await context.new_page()
    try:
        yield page
    finally:
        await context.close()
    wrong = [error for error in errors if not (allow and re.search(allow, error))]
    assert not wrong, wrong


async def other_window(page: Page, url: str) -> Page:
    """A page in a window of its own, of the same profile; both are in sight, as tabs are not."""
    async with page.context.expect_page() as opened:
        await page.evaluate("url => { window.open(url, '', 'popup,width=1280,height=800') }", url)
    other = await opened.value
    await other.wait_for_load_state()
    return other
