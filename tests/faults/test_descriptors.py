"""The site may open no more files: nothing spins, what runs goes on, and it accepts again."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from pathlib import Path

import pytest

from tests.support.bystanders import watching
from tests.support.flood import flood
from tests.support.site_process import make_site
from tests.support.stage import staged

pytestmark = pytest.mark.timeout(120)

FILES = 420
SECONDS = 6.0


@pytest.mark.parametrize("port", ["port", pytest.param("rtmp_port", marks=pytest.mark.full)])
async def test_no_more_files(tmp_path: Path, port: str) -> None:
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
        said = {"port": "get", "rtmp_port": "c0"}[port]
        async with flood("hold", getattr(site, port), 2 * FILES, said) as crowd:
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
            print(f"\n {port}: {crowd.said}; CPU {spent:.2f} s in {SECONDS} s; {others.figures()}")
            for _, writer in callers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        others.check_stream(3.0)
        # A connection to SQLite may be one of the files that cannot be opened.
        assert len(others.talk.refused) <= 3, others.talk.refused
        assert others.talk.longest <= 5.0, others.figures()
        assert spent < SECONDS * 0.5
        async with asyncio.timeout(10):
            while not await site.answers():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await site.get("/")).startswith("HTTP/1.1 200")
        await stage.calms_down(before.files)
        told = [line for line in site.log[lines:] if " ERROR " in line or " WARNING " in line]
        print(" ", *told)
        assert len([line for line in told if "may open no more files" in line]) == 1
        assert len(told) <= 6, told
