"""Strangers in great number: none of them is let in, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from tests.support.bystanders import watching
from tests.support.flood import flood
from tests.support.stage import Stage

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.full)])
async def test_bad_handshakes(stage: Stage, count: int) -> None:
    async with stage.on_air(), watching(stage) as others:
        before, lines = stage.usage(), len(stage.site.log)
        async with flood("shakes", stage.site.rtmp_port, count) as strangers:
            done = await strangers.next()
        after = await stage.calms_down(before.files)
        print(f"\n {count} bad handshakes: {done}; {others.figures()}; "
              f"RSS {before.rss} -> {after.rss} KiB; "
              f"CPU {after.cpu - before.cpu:.1f} s; "
              f"lines {len(stage.site.log) - lines}")  # fmt: skip
        assert done["failed"] == 0
        others.check(stream=3.0, pages=3.0, chat=3.0)
        assert after.rss - before.rss < 16 * 1024
        told = stage.lines("RTMP:", after=lines)
        assert 1 <= len(told) <= 7 + done["seconds"] * 0.4, "".join(told)
        if count > 1000:
            await stage.site.logs("more connections that did not", after=lines, seconds=15)


ROOMY = {
    "plugin.ingest_rtmp": "max_connections = 3000\nmax_per_address = 3000",
    "plugin.provider_local": "max_connections = 6000",
}
ASIDE = 10.0
"""Seconds that the site may be late with closing: it looks at connections every now and then, and
answers thousands first."""


@dataclass(frozen=True)
class Idle:
    """Connections on one port, and how long the site keeps them when nothing happens."""

    port: str
    says: str
    kept: float


IDLE = {
    "pages": Idle("port", "get", 15.0),
    "sockets": Idle("port", "ws", 10.0 + 5.0 + 3.0),
    "media": Idle("media_port", "nothing", 30.0),
    "rtmp": Idle("rtmp_port", "c0", 10.0 + 1.0),
}


@pytest.mark.parametrize("stage", [ROOMY], indirect=True)
@pytest.mark.parametrize(
    ("kinds", "count"),
    [
        pytest.param(("pages", "sockets", "rtmp"), 200, id="some"),
        *(pytest.param((kind,), 2000, id=kind, marks=pytest.mark.full) for kind in IDLE),
    ],
)
async def test_idle_connections(stage: Stage, kinds: tuple[str, ...], count: int) -> None:
    async with stage.on_air(), watching(stage) as others, contextlib.AsyncExitStack() as stack:
        before, lines = stage.usage(), len(stage.site.log)
        crowds = []
        for kind in kinds:
            idle = IDLE[kind]
            crowd = await stack.enter_async_context(
                flood("hold", getattr(stage.site, idle.port), count, idle.says)
            )
            crowds.append((idle, crowd))
        for _, crowd in crowds:
            said = await crowd.next()
            assert said["failed"] == 0, said
        async with asyncio.timeout(20):
            while stage.usage().files < before.files + count * len(kinds):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            for idle, crowd in crowds:
                while idle.says in ("get", "ws") and crowd.said["answered"] < count:
                    await crowd.next()
        most = stage.usage()
        for idle, crowd in crowds:
            said = await crowd.until(0, idle.kept + 30)
            print("\n", idle, count, said)
            assert said["last_closed"] <= said["opened_in"] + idle.kept + ASIDE
        print(f" {(most.rss - before.rss) / (most.files - before.files):.1f} KiB each of "
              f"{most.files - before.files}; {others.figures()}")  # fmt: skip
        others.check(stream=3.0, pages=6.0, chat=5.0)  # they wait behind thousands
        after = await stage.calms_down(before.files)
        print(f" RSS {before.rss} -> {most.rss} -> {after.rss} KiB")
        assert after.rss - before.rss < 60 * count * len(kinds)
        assert len(stage.lines("WARNING", after=lines)) <= 7, stage.site.log[lines:]
