"""The backplane in memory: expiry by the clock, bounds that hold."""

from __future__ import annotations

import pytest

from metropole_core.backplane import MAX_KEY, MAX_VALUE, MemoryShared, PrefixShared
from metropole_core.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shared(clock: FakeClock) -> MemoryShared:
    return MemoryShared(clock.monotonic, max_entries=5, max_octets=20_000)


async def test_values_expire(shared: MemoryShared, clock: FakeClock) -> None:
    await shared.set("key", b"value", 10)
    assert await shared.remaining("key") == 10
    clock.advance(9.9)
    assert await shared.get("key") == b"value"
    clock.advance(0.1)
    assert await shared.get("key") is None
    assert await shared.remaining("key") is None
    assert len(shared) == 0
    assert shared.octets == 0


async def test_add_keeps_what_is_there(shared: MemoryShared, clock: FakeClock) -> None:
    assert await shared.add("key", b"first", 10)
    assert not await shared.add("key", b"second", 10)
    assert await shared.get("key") == b"first"
    clock.advance(10)
    assert await shared.add("key", b"second", 10)


async def test_the_first_count_starts_the_expiry(shared: MemoryShared, clock: FakeClock) -> None:
    assert await shared.increment("key", 10) == 1
    clock.advance(8)
    assert await shared.increment("key", 10) == 2
    assert await shared.remaining("key") == pytest.approx(2)
    clock.advance(2)
    assert await shared.increment("key", 10) == 1


async def test_delete(shared: MemoryShared) -> None:
    await shared.set("key", b"value", 10)
    await shared.delete("key")
    await shared.delete("key")
    assert await shared.get("key") is None


async def test_the_least_used_goes_when_it_is_full(shared: MemoryShared) -> None:
    for number in range(5):
        await shared.set(f"key{number}", b"x", 100)
    await shared.get("key0")
    await shared.set("key5", b"x", 100)
    assert len(shared) == 5
    assert await shared.get("key0") == b"x"
    assert await shared.get("key1") is None


async def test_the_expired_goes_before_the_least_used(
    shared: MemoryShared, clock: FakeClock
) -> None:
    await shared.set("old", b"x", 1000)
    for number in range(4):
        await shared.set(f"key{number}", b"x", 5)
    clock.advance(6)
    await shared.set("new", b"x", 100)
    assert await shared.get("old") == b"x"
    assert len(shared) == 2


async def test_octets_are_bounded(clock: FakeClock) -> None:
    shared = MemoryShared(clock.monotonic, max_entries=1000, max_octets=20_000)
    for number in range(100):
        await shared.set(f"key{number}", bytes(1000), 100)
        assert shared.octets <= 20_000
    assert await shared.get("key99") is not None


async def test_a_value_or_key_that_is_too_long_is_refused(shared: MemoryShared) -> None:
    await shared.set("key", bytes(MAX_VALUE), 1)
    with pytest.raises(ValueError, match="4096"):
        await shared.set("key", bytes(MAX_VALUE + 1), 1)
    with pytest.raises(ValueError, match="256"):
        await shared.set("k" * (MAX_KEY + 1), b"", 1)


async def test_plugins_do_not_see_each_other(shared: MemoryShared) -> None:
    one, two = PrefixShared(shared, "one"), PrefixShared(shared, "two")
    await one.set("key", b"1", 10)
    assert await two.get("key") is None
    assert await two.add("key", b"2", 10)
    assert await two.increment("count", 10) == 1
    assert await one.increment("count", 10) == 1
    assert await one.get("key") == b"1"
    assert await one.remaining("key") == 10
    await two.delete("key")
    assert await one.get("key") == b"1"
