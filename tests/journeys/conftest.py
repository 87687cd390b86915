"""What the journeys share: a browser, and a whole site on each kind of database."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.site_process import SiteProcess, make_site
from tests.support.town import Town


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, db_url: str) -> AsyncIterator[SiteProcess]:
    """A site that runs, on SQLite and on MariaDB in turn."""
    async with _running(make_site(tmp_path, db_url)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> AsyncIterator[Town]:
    """A site on SQLite and its people, the same for all tests of a file."""
    folder = tmp_path_factory.mktemp("town")
    database = shutil.copy(sqlite_template, folder / "metropole.sqlite3")
    async with _running(make_site(folder, f"sqlite:///{database}")) as running:
        yield Town(browser, running)


@contextlib.asynccontextmanager
async def _running(site: SiteProcess) -> AsyncIterator[SiteProcess]:
    await site.init()
    await site.start()
    yield site
    code = await site.stop()
    log = "".join(site.log)
    assert code == 0, log
    assert "Traceback" not in log, log
