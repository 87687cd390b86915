"""The site's process is killed in the middle of everything: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from metropole_core.config import load_config
from metropole_core.site import Site
from tests.support.site_process import make_site
from tests.support.stage import Stage, people_of, staged
from tests.support.visitor import Signed
from tests.support.ws_client import connect

pytestmark = pytest.mark.timeout(240)

PEOPLE = 8
SECONDS = 3.0
PAUSE = 0.1
"""Seconds between two changes: the site takes 120 a minute of one person."""


@dataclass
class Acknowledged:
    """What the site said yes to. Of settings the last one counts, or the one that was on its way
    when the site died."""

    messages: set[str] = field(default_factory=set)
    title: str = ""
    title_on_its_way: str = ""
    pace: int = 0
    pace_on_its_way: int = 0
    follows: set[str] = field(default_factory=set)
    refused: int = 0


async def speak(stage: Stage, token: str, done: Acknowledged) -> None:
    cookies = {"metropole_session": token}
    async with connect(stage.site.port, origin=stage.site.url, cookies=cookies) as client:
        await client.hello(stage.name)
        for number in itertools.count():
            answer = await client.say(f"word {number}")
            if answer["t"] == "accepted":
                done.messages.add(answer["id"])
            else:
                await asyncio.sleep(answer["retry_after"] or 0.2)


async def rename(stage: Stage, done: Acknowledged) -> None:
    owner = Signed(stage.site, stage.token)
    for number in itertools.count():
        done.title_on_its_way = f"Evening {number}"
        status, page = await owner.form(
            f"/dashboard/{stage.name}/details", title=done.title_on_its_way
        )
        assert status == 303, page
        done.title = done.title_on_its_way
        await asyncio.sleep(PAUSE)


async def pace(stage: Stage, done: Acknowledged) -> None:
    owner = Signed(stage.site, stage.token)
    for number in itertools.count(1):
        done.pace_on_its_way = number % 300 + 1
        status, page = await owner.form(
            f"/dashboard/{stage.name}/modes/slow", **{"s-interval_s": str(done.pace_on_its_way)}
        )
        assert status == 303, page
        done.pace = done.pace_on_its_way
        await asyncio.sleep(PAUSE)


async def follow(stage: Stage, names: list[str], tokens: list[str], done: Acknowledged) -> None:
    for name, token in zip(names, tokens, strict=True):
        status, page = await Signed(stage.site, token).form(f"/{stage.name}/follow")
        assert status == 303, page
        done.follows.add(name)
        await asyncio.sleep(SECONDS / len(names) * 0.8)


async def until_it_breaks(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(OSError, EOFError):
        await work


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.full)])
@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
async def test_what_was_acknowledged_is_there(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, rounds: int
) -> None:
    url = request.getfixturevalue("mariadb_url") if database == "mariadb" else None
    async with staged(make_site(tmp_path, url)) as stage:
        await stage.site.stop()
        names = [f"person{number}" for number in range(PEOPLE * rounds)]
        tokens = [(await people_of(stage.site, name))[1] for name in names]
        done = Acknowledged()
        for turn in range(rounds):
            await stage.site.start()
            mine = slice(turn * PEOPLE, (turn + 1) * PEOPLE)
            works = [
                *(speak(stage, token, done) for token in tokens[mine]),
                rename(stage, done),
                pace(stage, done),
                follow(stage, names[mine], tokens[mine], done),
            ]
            tasks = [asyncio.create_task(until_it_breaks(work)) for work in works]
            before, began = len(done.messages), monotonic()
            while len(done.messages) == before or not done.title:
                assert monotonic() - began < 20, "".join(stage.site.log)
                await asyncio.sleep(0.05)
            await asyncio.sleep(SECONDS)
            await stage.site.stop(signal.SIGKILL)
            async with asyncio.timeout(20):
                await asyncio.gather(*tasks)
            assert len(done.messages) > before
            await is_there(stage, done)
        await stage.site.start()
        print(f"\n {database}: {rounds} kills, {len(done.messages)} messages, "
              f"title {done.title!r}, "
              f"pace {done.pace}, {len(done.follows)} follows")  # fmt: skip


async def is_there(stage: Stage, done: Acknowledged) -> None:
    async with Site.offline(load_config(stage.site.config, {})) as site:
        rows = await site.db.fetch_all("SELECT public_id FROM chat_messages")
        stored = {str(row[0]) for row in rows}
        assert done.messages <= stored, f"{len(done.messages - stored)} messages are lost"
        channel = await site.channels.by_name(stage.name)
        assert channel is not None
        assert channel.title in (done.title, done.title_on_its_way)
        modes = {state.mode.name: state for state in await site.chat.modes(channel.id)}
        seconds = modes["slow"].settings.model_dump()["interval_s"]
        assert seconds in (done.pace, done.pace_on_its_way)
        for name in done.follows:
            person = await site.accounts.by_name(name)
            assert person is not None
            assert await site.follows.is_following(person.id, channel.id)
