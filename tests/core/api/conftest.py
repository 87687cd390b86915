"""One site for all tests of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.house import House, open_house


@pytest.fixture(scope="session")
async def site_with_people(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Its channel "owner" is live, "other" is not."""
    house = await open_house(sqlite_template, tmp_path_factory.mktemp("site"))
    yield house
    await house.app.shutdown()
