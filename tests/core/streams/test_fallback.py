"""Seats at the site's own port."""

from __future__ import annotations

import pytest

from metropole_core.streams.fallback import SEAT_SECONDS, MediaFallback
from metropole_core.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def seats(clock: FakeClock, viewers: int = 8, waiting: int = 2) -> MediaFallback:
    return MediaFallback(viewers, waiting, clock.monotonic)


def test_a_viewer_is_an_address_a_stream_and_a_browser(clock: FakeClock) -> None:
    found = seats(clock)
    for _ in range(5):
        assert found.take_seat("192.0.2.1", "hls/a", "Firefox")
    assert found.viewers == 1
    assert found.take_seat("192.0.2.2", "hls/a", "Firefox")
    assert found.take_seat("192.0.2.1", "hls/b", "Firefox")
    assert found.take_seat("192.0.2.3", "hls/a", "Chromium")
    assert found.viewers == 4


def test_who_has_a_seat_keeps_it(clock: FakeClock) -> None:
    found = seats(clock, viewers=2)
    assert found.take_seat("192.0.2.1", "s", "a")
    assert found.take_seat("192.0.2.2", "s", "a")
    for _ in range(4):
        clock.advance(SEAT_SECONDS - 1)
        assert found.take_seat("192.0.2.1", "s", "a")
        assert found.take_seat("192.0.2.2", "s", "a")
        assert not found.take_seat("192.0.2.3", "s", "a")


def test_a_seat_is_free_when_nothing_was_heard(clock: FakeClock) -> None:
    found = seats(clock, viewers=1)
    assert found.take_seat("192.0.2.1", "s", "a")
    clock.advance(SEAT_SECONDS)
    assert found.take_seat("192.0.2.2", "s", "a")
    assert not found.take_seat("192.0.2.1", "s", "a")
    clock.advance(SEAT_SECONDS)
    assert found.viewers == 0


def test_a_seat_is_free_though_earlier_ones_are_not(clock: FakeClock) -> None:
    found = seats(clock, viewers=2)
    found.take_seat("192.0.2.1", "s", "a")
    found.take_seat("192.0.2.2", "s", "a")
    clock.advance(SEAT_SECONDS - 1)
    found.take_seat("192.0.2.1", "s", "a")
    clock.advance(1)
    assert found.take_seat("192.0.2.3", "s", "a")
    assert found.viewers == 2


@pytest.mark.parametrize(
    ("one", "another"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")]
)
def test_one_address_has_a_quarter_at_most(clock: FakeClock, one: str, another: str) -> None:
    found = seats(clock, viewers=8)
    assert [found.take_seat(one, "s", f"browser {i}") for i in range(4)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert found.take_seat(another, "s", "browser")
    clock.advance(SEAT_SECONDS)
    assert found.take_seat(one, "s", "browser 9")


def test_a_proxy_on_this_machine_may_have_all(clock: FakeClock) -> None:
    found = seats(clock, viewers=8)
    assert all(found.take_seat("127.0.0.1", "s", f"browser {i}") for i in range(8))
    assert not found.take_seat("127.0.0.1", "s", "browser 9")


def test_what_strangers_send_is_kept_short(clock: FakeClock) -> None:
    found = seats(clock)
    found.take_seat("192.0.2.1", "s" * 10_000, "u" * 10_000)
    assert sum(len(each) for seat in found._seats for each in seat) < 500


def test_so_many_may_wait(clock: FakeClock) -> None:
    found = seats(clock, waiting=2)
    assert found.may_wait
    found.waiting = 2
    assert not found.may_wait
    assert not seats(clock, waiting=0).may_wait
