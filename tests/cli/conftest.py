"""A folder in which a site was made by `metropole init`, on each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.support.site_process import SiteProcess, make_site


@pytest_asyncio.fixture(loop_scope="session")
async def made(tmp_path: Path, empty_db_url: str) -> SiteProcess:
    site = make_site(tmp_path, empty_db_url)
    await site.init()
    return site


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> SiteProcess:
    """The same on SQLite, for what does not depend on the kind of database."""
    site = make_site(tmp_path)
    await site.init()
    return site
