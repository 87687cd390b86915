"""What the tests of faults share: a site on SQLite in a process of its own, with one channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.site_process import make_site
from tests.support.stage import Stage, staged


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A running site; settings may be given as the fixture's parameter."""
    async with staged(make_site(tmp_path), getattr(request, "param", None)) as running:
        yield running
