"""One running site with its people, for all tests of a file: making either takes seconds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, StorageState

from tests.support.browser import person
from tests.support.site_process import SiteProcess
from tests.support.steps import sign_up


class Town:
    """A site and who has an account there. A site lets one address make five accounts an hour."""

    def __init__(self, browser: Browser, site: SiteProcess) -> None:
        self.browser = browser
        self.site = site
        self._profiles: dict[str, StorageState] = {}

    @contextlib.asynccontextmanager
    async def citizen(
        self, name: str, *, width: int = 1440, height: int = 900, allow: str = ""
    ) -> AsyncIterator[Page]:
        """Someone who is signed in; their account is made when they first come."""
        async with person(
            self.browser, width=width, height=height, state=self._profiles.get(name), allow=allow
        ) as page:
            if name not in self._profiles:
                await sign_up(page, self.site.url, name)
                self._profiles[name] = await page.context.storage_state()
            yield page

    @contextlib.asynccontextmanager
    async def guest(
        self, *, width: int = 1440, height: int = 900, allow: str = ""
    ) -> AsyncIterator[Page]:
        """Someone without an account."""
        async with person(self.browser, width=width, height=height, allow=allow) as page:
            yield page
