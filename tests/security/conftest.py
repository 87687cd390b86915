"""One site with people in every role, on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.security.roles import Cast
from tests.support.house import open_house


@pytest.fixture(scope="session")
async def _people(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cast]:
    folder = tmp_path_factory.mktemp("security")
    house = await open_house(sqlite_template, folder)
    people = Cast(house, folder)
    await people.gather()
    yield people
    people.close()
    await house.app.shutdown()


@pytest.fixture
async def people(_people: Cast) -> Cast:
    """Shared by all tests here: each makes what it changes. How often one may do a thing is
    counted anew for each."""
    for user in _people.users.values():
        for what in ("changes", "pictures"):
            await _people.house.site.rate_limit.forget(f"{what}/{user.id}")
    return _people
