"""Those whom a fault must not touch: a player, two people in the chat, a visitor of the pages.

async with watching(stage) as others:
    ...something bad happens...
    others.check(stream=3.0, pages=2.0, chat=2.0)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic

from tests.support.hls_player import PartPlayer
from tests.support.site_process import SiteProcess
from tests.support.stage import Stage
from tests.support.ws_client import Client, connect

SAY_EVERY = 1.1
"""Seconds; the site lets a person say one thing a second."""
LOOK_EVERY = 0.25


@dataclass
class Visitor:
    """Fetches pages over and over.

    Fields:
        longest: seconds for one answer, the most so far.
        answers: what came: (path, status, seconds, body).
        failures: what did not come.
    """

    site: SiteProcess
    paths: tuple[str, ...] = ("/healthz", "/")
    longest: float = 0.0
    answers: list[tuple[str, int, float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def run(self) -> None:
        for path in itertools.cycle(self.paths):
            await self.look(path)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self, path: str) -> None:
        began = monotonic()
        try:
            async with asyncio.timeout(30):
                answer = await self.site.get(path)
            self.answers.append((path, int(answer.split(" ", 2)[1]), monotonic() - began, answer))
        except (OSError, TimeoutError, IndexError) as error:
            self.failures.append(f"{path}: {error!r}")
        self.longest = max(self.longest, monotonic() - began)

    def statuses(self) -> set[int]:
        return {status for _, status, _, _ in self.answers}

    def forget(self) -> None:
        self.longest = 0.0
        self.answers.clear()
        self.failures.clear()


@dataclass
class Talk:
    """One who speaks, once a second, and a guest who listens.

    Fields:
        accepted: ids of the messages that the site acknowledged, with their text.
        heard: ids of those that the guest got.
        refused: what the speaker was told, in words.
        longest: seconds until the answer to a message, the most so far.
    """

    speaker: Client
    listener: Client
    accepted: dict[str, str] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    longest: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """The guest was told that the broadcast is over."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def speak(self) -> None:
        while True:
            began = monotonic()
            number = next(self._numbers)
            nonce = f"by{number}"
            await self.speaker.send({"t": "say", "text": f"word {number}", "nonce": nonce})
            while True:
                frame = await self.speaker.receive(30)
                if frame["t"] in ("accepted", "refused") and frame.get("nonce") == nonce:
                    break
            self.longest = max(self.longest, monotonic() - began)
            if frame["t"] == "accepted":
                self.accepted[frame["id"]] = f"word {number}"
            else:
                self.refused.append(frame["reason"])
            await asyncio.sleep(max(0.0, began + SAY_EVERY - monotonic()))

    async def listen(self) -> None:
        while True:
            frame = await self.listener.receive(60)
            if frame["t"] == "msg":
                self.heard.add(frame["id"])
            elif frame["t"] == "status" and frame["state"] == "offline":
                self.ended.set()

    async def beat(self) -> None:
        """Silent sockets are closed by the site."""
        while True:
            await self.listener.send({"t": "beat"})
            await asyncio.sleep(20)

    def forget(self) -> None:
        self.longest = 0.0
        self.refused.clear()


class Bystanders:
    """All of them, with a task each."""

    def __init__(self, stage: Stage, player: PartPlayer, talk: Talk) -> None:
        self.player = player
        self.talk = talk
        self.visitor = Visitor(stage.site)
        self.tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("player", player.run()),
                ("speaker", talk.speak()),
                ("listener", talk.listen()),
                ("beat", talk.beat()),
                ("visitor", self.visitor.run()),
            )
        ]

    def forget(self) -> None:
        """Measure anew from now on."""
        for each in (self.player, self.talk, self.visitor):
            each.forget()

    async def steady(self, seconds: float = 20.0) -> None:
        """Wait until all of them get what they want, then measure anew."""
        self.forget()
        parts, said, looks = self.player.parts, len(self.talk.accepted), len(self.visitor.answers)
        async with asyncio.timeout(seconds):
            while (
                self.player.parts < parts + 5
                or len(self.talk.accepted) < said + 1
                or len(self.visitor.answers) < looks + 2
            ):
                self.alive()
                await asyncio.sleep(0.05)
        self.forget()

    def stop_visiting(self) -> None:
        """Look at no more pages."""
        for task in [task for task in self.tasks if task.get_name() == "visitor"]:
            self.tasks.remove(task)
            task.cancel()

    async def during(self, seconds: float) -> None:
        """Let some time pass."""
        await asyncio.sleep(seconds)
        self.alive()

    def alive(self) -> None:
        """Nobody has given up."""
        for task in self.tasks:
            if task.done():
                raise AssertionError(f"the {task.get_name()} gave up") from task.exception()

    def figures(self) -> str:
        """What they had to bear."""
        return (
            f"stream: longest wait {max(self.player.longest, self.player.waiting):.2f} s; "
            f"chat: longest {self.talk.longest:.2f} s, {len(self.talk.refused)} refused; "
            f"pages: longest {self.visitor.longest:.2f} s of {len(self.visitor.answers)}"
        )

    def check_stream(self, longest: float) -> None:
        """The player missed nothing and never waited longer."""
        assert not self.player.gaps, self.player.gaps
        assert max(self.player.longest, self.player.waiting) <= longest, self.figures()

    def check_pages(self, longest: float, statuses: set[int] | None = None) -> None:
        """Each page came in time, with one of those statuses."""
        assert not self.visitor.failures, self.visitor.failures
        assert self.visitor.longest <= longest, self.figures()
        assert self.visitor.statuses() <= (statuses or {200}), self.visitor.statuses()

    def check_chat(self, longest: float) -> None:
        """Each message was taken in time."""
        assert not self.talk.refused, self.talk.refused
        assert self.talk.longest <= longest, self.figures()

    async def check_heard(self, seconds: float = 5.0) -> None:
        """Every message that was acknowledged was delivered."""
        acknowledged = set(self.talk.accepted)
        async with asyncio.timeout(seconds):
            while not acknowledged <= self.talk.heard:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def check(self, *, stream: float, pages: float, chat: float) -> None:
        """None of them noticed."""
        self.alive()
        self.check_stream(stream)
        self.check_pages(pages)
        self.check_chat(chat)


@contextlib.asynccontextmanager
async def watching(stage: Stage) -> AsyncIterator[Bystanders]:
    """Bystanders of a stream that is on air, all of them content."""
    origin = stage.site.url
    port = stage.site.port
    async with contextlib.AsyncExitStack() as stack:
        cookies = {"metropole_session": stage.token}
        speaker = await stack.enter_async_context(connect(port, origin=origin, cookies=cookies))
        listener = await stack.enter_async_context(connect(port, origin=origin))
        for client in (speaker, listener):
            await client.hello(stage.name)
        player = PartPlayer(await playlist_of(stage))
        others = Bystanders(stage, player, Talk(speaker, listener))
        try:
            await others.steady()
            yield others
        finally:
            for task in others.tasks:
                task.cancel()
            await asyncio.gather(*others.tasks, return_exceptions=True)


async def playlist_of(stage: Stage, seconds: float = 20.0) -> str:
    """The address of the stream's playlist, as the channel's page names it."""
    async with asyncio.timeout(seconds):
        while True:
            page = await stage.site.get(f"/{stage.name}")
            found = re.search(r"http://[^\"&]+\.m3u8", page)
            if found is not None:
                return found[0]
            await asyncio.sleep(0.1)
