"""Sites for the tests of pages and API; see `tests.support.house`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import House, Page
from tests.support.house import open_house as open_house_in


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    """Parses a page's HTML."""
    return Page


@pytest.fixture(scope="session")
def open_house(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Awaitable[House]]:
    """Opens a site: `await open_house(theme=False, public_url=...)`."""

    async def open_(**settings: Any) -> House:
        return await open_house_in(sqlite_template, tmp_path_factory.mktemp("site"), **settings)

    return open_


@pytest.fixture(scope="session", params=["theme", "plain"])
async def house(
    request: pytest.FixtureRequest, open_house: Callable[..., Awaitable[House]]
) -> AsyncIterator[House]:
    """A site with the default theme, then one without any. Shared: tests make what they change."""
    opened = await open_house(theme=request.param == "theme")
    yield opened
    await opened.app.shutdown()


@pytest.fixture
async def fresh(open_house: Callable[..., Awaitable[House]]) -> AsyncIterator[House]:
    """A site of this test's own."""
    opened = await open_house()
    yield opened
    await opened.app.shutdown()
