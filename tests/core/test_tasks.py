"""Tasks end with their owner."""

from __future__ import annotations

import asyncio
import logging

import pytest

from metropole_core.tasks import TaskOwner

log = logging.getLogger("metropole.test")


async def test_tasks_end_with_their_owner() -> None:
    owner = TaskOwner("test", log)
    ended = asyncio.Event()
    began = asyncio.Event()

    async def forever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    owner.spawn(forever(), "forever")
    await asyncio.wait_for(began.wait(), 1)
    await owner.stop()
    assert ended.is_set()
    assert len(owner) == 0
    with pytest.raises(RuntimeError, match="has stopped"):
        owner.spawn(forever(), "late")


async def test_an_exception_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner("test", log)

    async def broken() -> None:
        raise RuntimeError("broken on purpose")

    owner.spawn(broken(), "broken")
    for _ in range(3):  # it runs, it ends, its end is told
        await asyncio.sleep(0)
    assert len(owner) == 0
    assert "test:broken failed" in caplog.text
    assert "broken on purpose" in caplog.text


async def test_the_number_of_tasks_is_bounded() -> None:
    owner = TaskOwner("test", log, limit=2)
    for _ in range(2):
        owner.spawn(asyncio.sleep(60), "sleep")
    with pytest.raises(RuntimeError, match="2 tasks already"):
        owner.spawn(asyncio.sleep(60), "one too many")
    await owner.stop()
