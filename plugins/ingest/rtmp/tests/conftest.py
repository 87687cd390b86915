"""A running RTMP listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from metropole_ingest_rtmp.listener import RtmpListener
from metropole_ingest_rtmp.settings import RtmpSettings

from metropole_core.testing.clock import FakeClock
from metropole_core.testing.context import make_context
from tests.support.rtmp_listener import Doors, Running, Until


@pytest.fixture
def settings() -> RtmpSettings:
    return RtmpSettings(bind="127.0.0.1:0", before_grant_seconds=0.5)


@pytest.fixture
async def running(settings: RtmpSettings) -> AsyncIterator[Running]:
    clock = FakeClock()
    doors = Doors(clock)
    listener = RtmpListener(make_context(settings, clock=clock, publishing=doors))
    await listener.start()
    yield Running(listener, doors, clock)
    await listener.stop()
    assert listener.connections == 0


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], object], seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - counters have no event
                await asyncio.sleep(0.01)

    return wait
