"""A site in a process of its own with one channel, made without a browser: what tests of faults
play on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from metropole_core.config import load_config
from metropole_core.site import Site
from tests.support.gauge import Usage, usage
from tests.support.publisher import PublisherProcess, publishing
from tests.support.site_process import SiteProcess
from tests.support.steps import PASSWORD, SMALL

NAME = "northlight"
SQLITE_FILES = 24
"""Its eight connections stay open once they were needed, with three files each."""


@dataclass
class Stage:
    """A running site, its channel, and the secret of the owner's session."""

    site: SiteProcess
    key: str
    token: str
    name: str = NAME

    @property
    def pid(self) -> int:
        assert self.site.process is not None
        return self.site.process.pid

    def usage(self) -> Usage:
        """What the site takes now."""
        return usage(self.pid)

    async def calms_down(self, files: int, seconds: float = 20.0) -> Usage:
        """Wait until it has no more than so many files open, but for SQLite's; what it takes
        then."""
        async with asyncio.timeout(seconds):
            while (now := self.usage()).files > files + SQLITE_FILES:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return now

    @contextlib.asynccontextmanager
    async def on_air(self, *options: str) -> AsyncIterator[PublisherProcess]:
        """A publisher, until the block ends; it is live when the block begins."""
        async with publishing(self.site.rtmp_url(self.key), *SMALL, *options) as publisher:
            await self.becomes("live")
            yield publisher

    async def status(self) -> dict[str, Any]:
        """The channel's live status over the API; empty while the site cannot tell."""
        answer = await self.site.get(f"/api/v1/channels/{self.name}/status")
        found: dict[str, Any] = json.loads(answer.partition("\r\n\r\n")[2])
        return found

    async def becomes(self, state: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait until the channel is in a state."""
        async with asyncio.timeout(seconds):
            while (found := await self.status()).get("state") != state:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return found

    def lines(self, words: str, *, after: int = 0) -> list[str]:
        """Lines of the log that hold the words."""
        return [line for line in self.site.log[after:] if words in line]

    def check_log(self) -> None:
        """Nothing in it is a defect."""
        log = "".join(self.site.log)
        assert "Traceback" not in log, log
        assert self.key not in log


async def people_of(site: SiteProcess, name: str = NAME) -> tuple[str, str]:
    """Make an account and its channel on a site that does not run; its stream key and the secret
    of a session."""
    async with Site.offline(load_config(site.config, {})) as house:
        await house.accounts.create(name=name, password=PASSWORD, email=None)
        channel = await house.channels.by_name(name)
        assert channel is not None
        key = await house.channels.stream_key(channel.id)
        _, token = await house.accounts.sign_in(
            login=name, password=PASSWORD, address="127.0.0.1", user_agent="test"
        )
    return key, token


@contextlib.asynccontextmanager
async def staged(
    site: SiteProcess, settings: dict[str, str] | None = None, **start: Any
) -> AsyncIterator[Stage]:
    """Make that site, start it, and stop it at the end: its log must hold no traceback.

    Arguments:
        settings: lines of TOML by the table they go to, "" for the site's own.
        start: as `SiteProcess.start` takes it.
    """
    await site.init()
    text = site.config.read_text()
    for table, lines in (settings or {}).items():
        head = f"[{table}]\n"
        if not table:
            text = f"{lines}\n{text}"
        elif head in text:
            text = text.replace(head, f"{head}{lines}\n")
        else:
            text += f"\n{head}{lines}\n"
    site.config.write_text(text)
    key, token = await people_of(site)
    await site.start(**start)
    stage = Stage(site, key, token)
    try:
        yield stage
    finally:
        code = await site.stop()
    assert code == 0, "".join(site.log)
    stage.check_log()
