"""An encoder sends several qualities, and viewers get them all, in step."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.playlist_check import check_playlist, check_with_hls_parser
from tests.support.qualities import Quality, make, sending
from tests.support.screen import Watch
from tests.support.steps import expect_state, open_dashboard, reveal_key, signal
from tests.support.town import Town

pytestmark = pytest.mark.timeout(120)

CREATOR = "aurora"
LADDER = (Quality(360, 600_000), Quality(180, 200_000))


async def fetch(url: str) -> str:
    def get() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_both_qualities_of_an_encoder_are_there_and_in_step(
    town: Town, tmp_path: Path
) -> None:
    clip = await asyncio.to_thread(make, tmp_path, LADDER)
    async with town.citizen(CREATOR) as creator, town.guest() as viewer:
        await open_dashboard(creator, town.site.url, CREATOR)
        key = await reveal_key(creator)
        async with sending(town.site.rtmp_url(key), clip):
            await expect_state(signal(creator), "live", seconds=15)
            await viewer.goto(f"{town.site.url}/{CREATOR}")
            watch = Watch(viewer)
            await watch.playing(timeout=20)
            heights = await viewer.evaluate(
                "document.querySelector('metropole-player').playback.engine.qualities()"
                ".map((quality) => quality.height).sort()"
            )
            assert heights == [180, 360]

            page = await fetch(f"{town.site.url}/{CREATOR}?fragment=page-data")
            index = json.loads(page)["sources"][0]["url"]
            text = await fetch(index)
            assert re.findall(r"RESOLUTION=(\d+x\d+)", text) == ["640x360", "320x180"]
            check_with_hls_parser([text])
            names = [line for line in text.splitlines() if line.startswith("v")]
            one, two = [check_playlist(await fetch(urljoin(index, name))) for name in names]
            assert (one.target, one.first, one.discontinuities) == (
                two.target, two.first, two.discontinuities
            )  # fmt: skip
            begins = [{s.number: s.date for s in each.segments} for each in (one, two)]
            shared = begins[0].keys() & begins[1].keys()
            assert len(shared) >= 3
            assert all(begins[0][number] == begins[1][number] for number in shared)

            await watch.beyond(await watch.position() + 3, timeout=10)
            size = await viewer.evaluate(
                "(() => { const v = document.querySelector('metropole-player video');"
                " return [v.videoHeight, v.getVideoPlaybackQuality().totalVideoFrames] })()"
            )
            assert size[0] in heights
            assert size[1] > 60
