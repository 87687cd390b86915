"""A site as an evening has it, for an hour: does it hold its memory, its files, its threads?

A real site process on MariaDB, one stream from FFmpeg, players that follow it with whole and with
delta playlists, people who chat, page loads. Every ten seconds the process is looked at. Prints a
table, and ends with 1 when something grows or fails.
Usage: python -m benchmarks.soak [--minutes N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import cpu
from benchmarks.follower import Follower
from benchmarks.peers import playback_path
from benchmarks.players import get
from tests.conftest import MariaDB
from tests.support.publisher import publishing
from tests.support.site_process import SiteProcess, make_site
from tests.support.stage import people_of
from tests.support.ws_client import connect

PEOPLE = ("ann", "bob", "cyd", "dan")
SAY_EVERY = 2.0
"""Seconds from message to message of one person."""
BEAT_EVERY = 10.0
PAGE_EVERY = 0.5
PAGES = ("/", "/ann", "/healthz", "/nobody-has-this-name")
LOOK_EVERY = 10.0
LEAST_GROWTH = 1024
"""KiB over the second half that count as growth, where they are more than chance."""


@dataclass(frozen=True, slots=True)
class Look:
    """The process at a moment. `rss` in KiB, `seconds` since the start, `used` CPU seconds."""

    seconds: float
    rss: int
    files: int
    threads: int
    used: float


@dataclass(slots=True)
class Tally:
    """What was done, and what went wrong."""

    said: int = 0
    heard: int = 0
    pages: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        if len(self.failures) < 20:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {what}")


def look(pid: int, began: float) -> Look:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Look(
        time.monotonic() - began,
        int(status["VmRSS"].split()[0]),
        sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        int(status["Threads"]),
        cpu.since_start(pid),
    )


async def chat(site: SiteProcess, name: str, token: str, delay: float, tally: Tally) -> None:
    """One person in the room of the channel: says something now and then, hears everything."""
    await asyncio.sleep(delay)
    cookies = {"metropole_session": token}
    async with connect(site.port, origin=site.url, cookies=cookies) as client:
        await client.hello(PEOPLE[0])

        async def listen() -> None:
            while True:
                frame = await client.receive(60)
                tally.heard += frame["t"] == "msg"
                if frame["t"] in ("refused", "error"):
                    tally.fail(f"chat: {json.dumps(frame)}")
                client.seen.clear()

        async def speak() -> None:
            number = 0
            while True:
                number += 1
                text = f"{name} says {number} " + "word " * (number % 20)
                await client.send({"t": "say", "text": text, "nonce": str(number)})
                tally.said += 1
                if number % round(BEAT_EVERY / SAY_EVERY) == 1:
                    await client.send({"t": "beat", "channel": PEOPLE[0], "playing": True})
                await asyncio.sleep(SAY_EVERY)

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            group.create_task(speak())


async def browse(site: SiteProcess, tally: Tally) -> None:
    """Page loads, one after the other."""
    while True:
        for path in PAGES:
            answer = await site.get(path)
            wanted = "HTTP/1.1 404" if path == PAGES[-1] else "HTTP/1.1 200"
            if not answer.startswith(wanted):
                tally.fail(f"{path}: {answer[:60]!r}")
            tally.pages += 1
            await asyncio.sleep(PAGE_EVERY)


async def guarded(what: str, work: object, tally: Tally) -> None:
    """Run it; that it ended is a failure of the soak, told with the others."""
    try:
        await work  # type: ignore[misc]
        tally.fail(f"{what} ended")
    except Exception as error:
        tally.fail(f"{what} ended: {error!r}")


async def soak(minutes: float, database: str) -> bool:
    """Run it all.

    Returns:
        Whether everything stayed as it was.
    """
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder), database)
        await site.init()
        people = {name: await people_of(site, name) for name in PEOPLE}
        await site.start()
        assert site.process is not None
        try:
            async with publishing(site.rtmp_url(people[PEOPLE[0]][0]), "--size", "640x360"):
                port, index = await asyncio.to_thread(playback_path, site, PEOPLE[0])
                return await _soak(minutes, site, people, port, index)
        finally:
            await site.stop()


async def _soak(
    minutes: float, site: SiteProcess, people: dict[str, tuple[str, str]], port: int, index: str
) -> bool:
    assert site.process is not None
    pid, began = site.process.pid, time.monotonic()
    tally = Tally()
    _, _, master = await asyncio.to_thread(get, port, index)
    name = next(line for line in master.decode().splitlines() if line and line[0] != "#")
    media = f"{index.rsplit('/', 1)[0]}/{name}"
    players = [Follower(port, media, delta=number % 2 == 1) for number in range(4)]
    work = [guarded("a player", player.run(), tally) for player in players]
    work += [
        guarded(f"the chat of {who}", chat(site, who, token, number / 2, tally), tally)
        for number, (who, (_, token)) in enumerate(people.items())
    ]
    work.append(guarded("the pages", browse(site, tally), tally))
    tasks = [asyncio.create_task(each) for each in work]
    looks: list[Look] = []
    while time.monotonic() < began + minutes * 60:
        await asyncio.sleep(LOOK_EVERY)
        looks.append(look(pid, began))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for number, player in enumerate(players):
        kind = "delta" if number % 2 else "whole"
        print(
            f"player {number} ({kind} playlists): {player.parts} parts, "
            f"{player.octets / 1e6:.1f} MB, longest pause {player.longest:.2f} s"
        )
        tally.failures += [f"player {number}: {failure}" for failure in player.failures]
        if player.parts < minutes * 60:
            tally.fail(f"player {number} got only {player.parts} parts")
    print(f"chat: {tally.said} said, {tally.heard} heard; pages: {tally.pages}")
    if any("Traceback" in line for line in site.log):
        tally.fail("there is a traceback in the log:\n" + "".join(site.log)[-3000:])
    for failure in tally.failures:
        print(f"FAILED: {failure}")
    return judge(looks) and not tally.failures


def judge(looks: Sequence[Look]) -> bool:
    """Print the table; say whether the second half is flat."""
    print()
    print("| minute | memory MiB | files | threads | CPU s a minute |")
    print("|---|---|---|---|---|")
    step = max(1, len(looks) // 12)
    for before, now in zip(looks[::step], looks[step::step], strict=False):
        rate = (now.used - before.used) / (now.seconds - before.seconds) * 60
        print(
            f"| {now.seconds / 60:.1f} | {now.rss / 1024:.1f} | {now.files} | {now.threads} "
            f"| {rate:.2f} |"
        )
    half = looks[len(looks) // 2 :]
    slope, bound = trend([each.seconds for each in half], [each.rss for each in half])
    seconds = half[-1].seconds - half[0].seconds
    grown = slope * seconds
    flat = slope - bound <= 0 or grown < LEAST_GROWTH
    print()
    print(
        f"memory in the second half: {slope * 3600:+.0f} KiB an hour, give or take "
        f"{bound * 3600:.0f}; {grown:+.0f} KiB in {seconds / 60:.0f} min: "
        + ("flat" if flat else "IT GROWS")
    )
    middle, end = half[: len(half) // 2], half[len(half) // 2 :]
    steady = True
    for what in ("files", "threads"):
        # The least of each quarter: page loads come and go.
        early, late = (min(getattr(each, what) for each in part) for part in (middle, end))
        print(f"{what}: {early} in the third quarter, {late} in the last")
        steady = steady and late <= early
    return flat and steady


def trend(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope of a straight line through points, and its 95 % bound. Neighbouring values of memory
    resemble each other, so the bound is that of a quarter as many points."""
    slope, start = statistics.linear_regression(times, values)
    rest = [value - start - slope * at for at, value in zip(times, values, strict=True)]
    middle = statistics.fmean(times)
    spread = sum((at - middle) ** 2 for at in times)
    error = math.sqrt(sum(each * each for each in rest) / max(1, len(times) - 2) / spread)
    return slope, 2 * 2 * error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    minutes = parser.parse_args().minutes
    server = MariaDB()
    try:
        server.start()
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(0 if asyncio.run(soak(minutes, server.new_database())) else 1)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
