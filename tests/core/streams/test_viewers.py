"""Viewers: counted by person, forgotten in time, capped by address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from metropole_core.bus import EventBus
from metropole_core.contracts.events import ViewersChanged
from metropole_core.streams import viewers as viewers_module
from metropole_core.streams.viewers import EXPIRY, MAX_PER_ADDRESS, Viewers
from metropole_core.testing import FakeClock


class Hall:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.bus = EventBus()
        self.viewers = Viewers(self.clock, self.bus, self._name)
        self.told: list[tuple[str, int]] = []
        self.bus.subscribe(ViewersChanged, self._hear)

    async def _name(self, channel_id: int) -> str | None:
        return f"c{channel_id}" if channel_id < 100 else None

    async def _hear(self, event: ViewersChanged) -> None:
        self.told.append((event.name, event.viewers))


@pytest.fixture
async def hall(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hall]:
    monkeypatch.setattr(viewers_module, "PUBLISH_EVERY", 0.02)
    made = Hall()
    yield made
    await made.viewers.stop()
    await made.bus.stop()


async def told(hall: Hall, expected: list[tuple[str, int]]) -> None:
    async with asyncio.timeout(5):
        while hall.told != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_people_are_counted_once(hall: Hall) -> None:
    for _ in range(3):
        hall.viewers.beat(1, "u1", "192.0.2.1")
        hall.viewers.beat(1, "gabc", "192.0.2.2")
    hall.viewers.beat(2, "u1", "192.0.2.1")
    assert hall.viewers.count(1) == 2
    assert hall.viewers.count(2) == 1
    assert hall.viewers.count(3) == 0


async def test_who_is_silent_has_left(hall: Hall) -> None:
    hall.viewers.beat(1, "u1", "192.0.2.1")
    hall.clock.advance(EXPIRY / 2)
    hall.viewers.beat(1, "u2", "192.0.2.1")
    hall.clock.advance(EXPIRY / 2)
    assert hall.viewers.count(1) == 1
    hall.viewers.beat(1, "u2", "192.0.2.1")
    hall.clock.advance(EXPIRY - 1)
    assert hall.viewers.count(1) == 1
    hall.clock.advance(1)
    assert hall.viewers.count(1) == 0


async def test_leaving(hall: Hall) -> None:
    hall.viewers.beat(1, "u1", "192.0.2.1")
    hall.viewers.gone(1, "u1")
    hall.viewers.gone(1, "u1")
    hall.viewers.gone(9, "u1")
    assert hall.viewers.count(1) == 0


async def test_an_address_counts_for_so_many(hall: Hall) -> None:
    for number in range(MAX_PER_ADDRESS + 10):
        hall.viewers.beat(1, f"g{number}", f"2001:db8::{number:x}")
    assert hall.viewers.count(1) == MAX_PER_ADDRESS
    hall.viewers.beat(1, "other", "192.0.2.1")
    assert hall.viewers.count(1) == MAX_PER_ADDRESS + 1
    hall.viewers.gone(1, "g0")
    hall.viewers.beat(1, "g999", "2001:db8::1")
    assert hall.viewers.count(1) == MAX_PER_ADDRESS + 1


async def test_all_together_are_bounded(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers_module, "MAX_VIEWERS", 3)
    for number in range(5):
        hall.viewers.beat(number, "u1", f"192.0.2.{number}")
    assert sum(hall.viewers.count(number) for number in range(5)) == 3
    hall.viewers.gone(0, "u1")
    hall.viewers.beat(4, "u1", "192.0.2.4")
    assert hall.viewers.count(4) == 1


async def test_changes_are_told_together(hall: Hall) -> None:
    for number in range(5):
        hall.viewers.beat(1, f"u{number}", "192.0.2.1")
    hall.viewers.beat(100, "u1", "192.0.2.1")  # a channel that is gone
    await told(hall, [("c1", 5)])
    hall.viewers.gone(1, "u0")
    await told(hall, [("c1", 5), ("c1", 4)])
    # Nobody says anything: the count still falls.
    hall.clock.advance(EXPIRY)
    await told(hall, [("c1", 5), ("c1", 4), ("c1", 0)])


async def test_the_peak_of_a_broadcast(hall: Hall) -> None:
    hall.viewers.beat(1, "u1", "192.0.2.1")
    hall.viewers.beat(1, "u2", "192.0.2.1")
    hall.viewers.gone(1, "u2")
    assert hall.viewers.peak(1) == 2
    hall.viewers.reset_peak(1)
    assert hall.viewers.peak(1) == 1
