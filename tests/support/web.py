"""A browser without scripts for a site on a real port: cookies, forms and their tokens, and no
redirect followed.

    maria = Web(site.url)
    await maria.post("/signin", login="maria", password="...")
    answer = await maria.get("/dashboard")
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Got:
    """An answer: `text` is its head and its body."""

    status: int
    head: str
    body: str

    @property
    def text(self) -> str:
        return self.head + "\n" + self.body


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Web:
    """One browser."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.headers = headers or {}
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _Stay
        )

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        return next((each.value for each in self.cookies if each.name == name), None)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Got:
        """GET; `path` may be a whole URL."""
        return await asyncio.to_thread(self._ask, path, None, headers or {})

    async def token(self) -> str:
        """What its forms carry."""
        found = re.search(r'name="csrf" value="([^"]+)"', (await self.get("/search")).body)
        assert found is not None
        return found[1]

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> Got:
        """Send a form."""
        form.setdefault("csrf", await self.token())
        data = urllib.parse.urlencode(form).encode()
        return await asyncio.to_thread(self._ask, path, data, headers or {})

    def _ask(self, path: str, data: bytes | None, headers: dict[str, str]) -> Got:
        url = path if "://" in path else self.url + path
        asked = urllib.request.Request(url, data, {**self.headers, **headers})
        try:
            answer = self._opener.open(asked, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body = answer.read().decode(errors="replace")
            return Got(answer.status, str(answer.headers), body)
