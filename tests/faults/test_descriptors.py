"""The site may open no more files: nothing spins, what runs goes on, and it accepts again."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from pathlib import Path

import pytest

from tests.support.bystanders import watching
from tests.support.flood import flood
from tests.support.rtmp_socket import connected
from tests.support.site_process import make_site
from tests.support.stage import staged

pytestmark = pytest.mark.timeout(120)

FILES = 420
SECONDS = 6.0


async def test_no_more_files(tmp_path: Path) -> None:
    limits = {resource.RLIMIT_NOFILE: FILES}
    roomy = {"plugin.ingest_rtmp": "max_connections = 3000\nmax_per_address = 3000"}
    async with (
        staged(make_site(tmp_path), roomy, limits=limits) as stage,
        stage.on_air(),
        watching(stage) as others,
    ):
        site = stage.site
        others.stop_visiting()
        before, lines = stage.usage(), len(site.log)
        async with flood("hold", site.rtmp_port, 2 * FILES, "c0") as crowd:
            async with asyncio.timeout(20):
                while stage.usage().files < FILES:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            began = stage.usage()
            # A caller on each of the other ports: all three fail to accept.
            callers = [
                await asyncio.open_connection("127.0.0.1", each)
                for each in (site.port, site.media_port, site.rtmp_port)
            ]
            await others.during(SECONDS)
            spent = stage.usage().cpu - began.cpu
            print(f"\n {crowd.said}; CPU {spent:.2f} s in {SECONDS} s; {others.figures()}")
            for _, writer in callers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        others.check_stream(3.0)
        # A connection to SQLite may be one of the files that cannot be opened.
        assert len(others.talk.refused) <= 3, others.talk.refused
        assert others.talk.longest <= 5.0, others.figures()
        assert spent < SECONDS * 0.4
        # It accepts as many a second as it has files free, and many wait.
        async with asyncio.timeout(30):
            while not await site.answers():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await site.get("/")).startswith("HTTP/1.1 200")
        await stage.calms_down(before.files)
        told = [line for line in site.log[lines:] if " ERROR " in line or " WARNING " in line]
        print(" ", *told)
        assert len([line for line in told if "may open no more files" in line]) == 1
        assert len(told) <= 6, told


async def test_pages_leave_files_for_others(tmp_path: Path) -> None:
    """The site port takes half of the files that there are, and cuts who comes beyond that."""
    async with (
        staged(make_site(tmp_path), limits={resource.RLIMIT_NOFILE: FILES}) as stage,
        stage.on_air(),
        watching(stage) as others,
    ):
        before, lines = stage.usage(), len(stage.site.log)
        async with flood("hold", stage.site.port, 2 * FILES, "get") as crowd:
            said = await crowd.next()
            others.stop_visiting()
            await others.during(2.0)
            said = await crowd.next()
            print(f"\n {said}; {stage.usage()}; {others.figures()}")
            async with connected(stage.site.rtmp_port) as encoder:
                await encoder.ask(stage.key)
                assert await encoder.status() == "NetStream.Publish.BadName", "it is heard"
        others.check_stream(3.0)
        others.check_chat(3.0)
        # It accepts as many a second as it has files free, and many wait.
        async with asyncio.timeout(30):
            while not await stage.site.answers():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await stage.calms_down(before.files)
        assert len([line for line in stage.site.log[lines:] if " INFO " not in line]) <= 5
    assert stage.lines("only 146 connections of the site port fit")
