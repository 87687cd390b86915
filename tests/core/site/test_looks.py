"""Looking again at what another process may have taken away."""

from __future__ import annotations

import asyncio

import pytest

from metropole_core import looks as looks_module
from metropole_core.looks import Looks


async def test_it_looks_again_and_again_and_one_failure_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(looks_module, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(looks_module, "LOOK_TIMEOUT", 0.05)
    seen = 0
    enough = asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("the database is away")

    async def hangs() -> None:
        await asyncio.sleep(3600)

    async def counts() -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            enough.set()

    looks = Looks([fails, hangs, counts])
    looks.start()
    await asyncio.wait_for(enough.wait(), 5)
    await looks.stop()
    assert "the database is away" in caplog.text
    after = seen
    await asyncio.sleep(0.02)
    assert seen == after
