"""Peers that vanish without closing: noticed in a stated time, and who comes back gets in."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from tests.support.publisher import publishing
from tests.support.stage import Stage
from tests.support.steps import SMALL
from tests.support.vanishing import way_to
from tests.support.ws_client import connect

pytestmark = pytest.mark.timeout(240)

SILENCE = 7.0
TAKES_OVER = 5.0
"""Seconds without a packet after which an encoder with the same key gets in."""
COUNTED = 25.0
"""Seconds without a beat after which a viewer has left."""


@pytest.mark.parametrize(
    "stage", [{"plugin.ingest_rtmp": f"silence_seconds = {SILENCE}"}], indirect=True, ids=[""]
)
async def test_a_publisher_vanishes(stage: Stage) -> None:
    async with way_to(stage.site.rtmp_port) as way:
        url = f"rtmp://127.0.0.1:{way.port}/live/{stage.key}"
        async with publishing(url, *SMALL):
            began = (await stage.becomes("live"))["started_at"]
            way.cut()
            gone = monotonic()
            await stage.becomes("interrupted", SILENCE + 5)
            print(f"\n a publisher who vanished is noticed after {monotonic() - gone:.1f} s")
            assert SILENCE - 1 <= monotonic() - gone <= SILENCE + 3
        async with publishing(stage.site.rtmp_url(stage.key), *SMALL):
            again = await stage.becomes("live")
    assert again["started_at"] == began, "it is the same broadcast"


@pytest.mark.full
async def test_the_same_encoder_takes_over(stage: Stage) -> None:
    """Before the silence is noticed: after 5 s without a packet the key is free."""
    async with way_to(stage.site.rtmp_port) as way:
        url = f"rtmp://127.0.0.1:{way.port}/live/{stage.key}"
        async with publishing(url, *SMALL):
            began = (await stage.becomes("live"))["started_at"]
            way.cut()
            gone = monotonic()
            tries = 0
            async with asyncio.timeout(20):
                while len(stage.lines("a publisher came")) < 2:
                    tries += 1
                    async with publishing(stage.site.rtmp_url(stage.key), *SMALL) as encoder:
                        while (  # noqa: ASYNC110
                            encoder.running and len(stage.lines("a publisher came")) < 2
                        ):
                            await asyncio.sleep(0.1)
                        if len(stage.lines("a publisher came")) == 2:
                            took = monotonic() - gone
                            assert (await stage.becomes("live"))["started_at"] == began
            print(f"\n an encoder takes over after {took:.1f} s, at try {tries}")
            assert took <= TAKES_OVER + 4


@pytest.mark.full
async def test_a_viewer_vanishes(stage: Stage) -> None:
    """And is not counted any more."""
    async with (
        stage.on_air(),
        way_to(stage.site.port) as way,
        connect(way.port, origin=stage.site.url) as viewer,
    ):
        await viewer.hello(stage.name)
        await viewer.send({"t": "beat", "channel": stage.name, "playing": True})
        async with asyncio.timeout(10):
            while (await stage.status())["viewers"] != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        way.cut()
        gone = monotonic()
        async with asyncio.timeout(COUNTED + 5):
            while (await stage.status())["viewers"]:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        took = monotonic() - gone
        print(f"\n a viewer who vanished is counted for {took:.1f} s")
        assert took >= COUNTED - 2


@pytest.mark.full
async def test_who_vanished_leaves_the_room(stage: Stage) -> None:
    async with (
        way_to(stage.site.port) as way,
        connect(
            way.port, origin=stage.site.url, cookies={"metropole_session": stage.token}
        ) as viewer,
        connect(stage.site.port, origin=stage.site.url) as other,
    ):
        welcome = await viewer.hello(stage.name)
        await other.hello(stage.name)
        way.cut()
        gone = monotonic()
        async with asyncio.timeout(130):
            while True:
                try:
                    left = await other.expect("leave", 20)
                except TimeoutError:
                    await other.send({"t": "beat"})
                else:
                    break
        took = monotonic() - gone
        print(f"\n who vanished leaves the room after {took:.1f} s")
        assert welcome["you"]["key"] in str(left)
        assert took <= 100 + 5 + 5
        before = stage.usage()
    await stage.calms_down(before.files)
