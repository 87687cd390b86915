"""A new site on SQLite, for looks that do not depend on the kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.support.site_process import SiteProcess, make_site


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> SiteProcess:
    site = make_site(tmp_path)
    await site.init()
    return site
