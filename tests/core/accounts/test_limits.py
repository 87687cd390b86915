"""Rate limits."""

from __future__ import annotations

from typing import Any

import pytest

from metropole_core.accounts.limits import RateLimit, address_key
from metropole_core.backplane import MemoryShared
from metropole_core.errors import TooMany


async def test_a_window_opens_with_the_first_try_and_ends(shared: MemoryShared, clock: Any) -> None:
    limit = RateLimit(shared)
    for _ in range(3):
        await limit.hit("a", 3, 60)
        clock.advance(5)
    with pytest.raises(TooMany, match="Try again in 45 seconds") as caught:
        await limit.hit("a", 3, 60)
    assert caught.value.retry_after == pytest.approx(45)
    await limit.hit("b", 3, 60)
    clock.advance(46)
    await limit.hit("a", 3, 60)
    await limit.forget("a")
    for _ in range(3):
        await limit.hit("a", 3, 600)
    with pytest.raises(TooMany, match="10 minutes"):
        await limit.hit("a", 3, 600)


async def test_long_keys_are_cut(shared: MemoryShared) -> None:
    limit = RateLimit(shared)
    await limit.hit("x" * 100_000, 1, 60)
    with pytest.raises(TooMany):
        await limit.hit("x" * 100_001, 1, 60)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
def test_what_counts_as_one_address(address: str, key: str) -> None:
    assert address_key(address) == key
