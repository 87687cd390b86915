"""Somebody signed in who sends forms without a browser."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.support.site_process import SiteProcess


@dataclass
class Signed:
    """A browser's cookies and its form token, no more.

    Fields:
        token: the session's secret.
    """

    site: SiteProcess
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "text/plain"
    ) -> tuple[int, str]:
        """Status and the whole answer. A connection that breaks is an OSError."""
        cookies = {**self.cookies, **({"metropole_session": self.token} if self.token else {})}
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.site.port}\r\n"
            f"Origin: {self.site.url}\r\nCookie: {jar}\r\nConnection: close\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.site.port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            answer = (await reader.read()).decode(errors="replace")
        finally:
            writer.close()
        for name, value in re.findall(r"(?mi)^set-cookie: ([^=]+)=([^;\r]*)", answer):
            self.cookies[name] = value
        if not answer.startswith("HTTP/1.1 "):
            raise ConnectionError("no answer")
        return int(answer.split(" ", 2)[1]), answer

    async def form(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form."""
        if not self.csrf:
            _, page = await self.ask("GET", "/search")
            found = re.search(r'name="csrf" value="([^"]+)"', page)
            assert found is not None, page
            self.csrf = found[1]
        body = urlencode({**fields, "csrf": self.csrf}).encode()
        return await self.ask("POST", path, body, "application/x-www-form-urlencoded")

    async def upload(self, path: str, picture: bytes) -> tuple[int, str]:
        """Send a picture."""
        await self.ask("GET", "/search")
        _, page = await self.ask("GET", "/search")
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None
        parts = (
            f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{found[1]}\r\n'
            '--b\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
        body = parts + picture + b"\r\n--b--\r\n"
        return await self.ask("POST", path, body, "multipart/form-data; boundary=b")
