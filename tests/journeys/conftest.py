"""What the journeys share: a browser, and a whole site on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.site_process import SiteProcess, make_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, db_url: str) -> AsyncIterator[SiteProcess]:
    """A site that runs, on SQLite and on MariaDB in turn."""
    running = make_site(tmp_path, db_url)
    await running.init()
    await running.start()
    yield running
    code = await running.stop()
    log = "".join(running.log)
    assert code == 0, log
    assert "Traceback" not in log, log
