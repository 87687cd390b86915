"""The memory of all windows together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.hls.budget import Budget
from metropole_media.hls.playlist import media_playlist
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.packaged import Init, Part, SegmentStart
from tests.support.packaging import AUDIO, VIDEO, Clock

INIT = Init(0, b"init", (VIDEO, AUDIO), 0.2, 30.0)
LIMITS = WindowLimits(min_segments=12, min_seconds=30, linger_seconds=20)


class Stream:
    """Segments of two seconds in ten parts, ended early at half the share."""

    def __init__(self, clock: Clock, budget: Budget, size: int) -> None:
        self.clock, self.size = clock, size
        self.most, self.parts = 0, 10
        self.window = Window(LIMITS, clock, budget=budget.open(1 << 40, self._shared))
        self.squeezed = 0
        self.window.squeezed = self._squeezed
        self.window.add_init(INIT)
        self.open = False
        self.number = 0

    def _shared(self, share: int) -> None:
        self.most = share // 2

    def _squeezed(self) -> None:
        self.squeezed += 1

    def part(self) -> None:
        window = self.window
        if not self.open:
            self.number += 1
            window.begin_segment(SegmentStart(self.number, 1e9 + self.clock.now, False))
            self.open = True
        newest = window.listed[-1]
        last = len(newest.parts) == self.parts - 1 or newest.octets + self.size >= self.most
        window.add_part(Part(window.next_part, 0.2, not newest.parts, bytes(self.size), last))
        if last:
            window.end_segment(2)
            self.open = False

    def consistent(self) -> bool:
        window = self.window
        kept = [segment for _, segment in window._left] + list(window.listed)
        assert window.octets == sum(segment.octets for segment in kept)
        return all(window.part(p.number) is p for s in kept for p in s.parts)

    @property
    def seconds(self) -> float:
        return sum(segment.seconds for segment in self.window.listed)


def play(clock: Clock, streams: list[Stream], seconds: float, look: Callable[[], None]) -> None:
    for _ in range(round(seconds * 5)):
        clock.now += 0.2
        for stream in streams:
            if not stream.window.ended:
                stream.part()
                look()


def test_nothing_is_taken_as_long_as_there_is_room() -> None:
    clock, budget = Clock(), Budget(10_000_000)
    streams = [Stream(clock, budget, 1000) for _ in range(10)]
    play(clock, streams, 60, lambda: None)
    assert not any(stream.squeezed for stream in streams)
    assert budget.used == sum(stream.window.octets for stream in streams)
    assert all(stream.window._left for stream in streams)


def test_what_lingers_goes_first_then_what_is_more_than_players_need() -> None:
    clock, budget = Clock(), Budget(200_000)
    big, small = Stream(clock, budget, 1000), Stream(clock, budget, 100)
    play(clock, [big, small], 40, lambda: None)
    # 30 s of each are 165 kB: there is room for some that linger.
    assert budget.used > 190_000
    assert big.squeezed == small.squeezed == 0
    budget.limit = 100_000
    play(clock, [big, small], 1, lambda: None)
    assert not big.window._left + small.window._left
    assert big.squeezed
    assert not small.squeezed
    assert big.seconds >= 5.99
    assert small.seconds >= 30


def test_a_minimum_never_pushes_out_another_one() -> None:
    clock, budget = Clock(), Budget(100_000)
    # Three target durations of the great one alone are more than there is.
    modest = [Stream(clock, budget, 300) for _ in range(4)]
    great = Stream(clock, budget, 4000)
    play(clock, [*modest, great], 60, lambda: None)
    assert budget.used <= budget.limit
    for stream in modest:
        assert stream.seconds >= 5.99
        assert 3 * 3000 <= stream.window.octets <= budget.share
    assert great.window.octets <= budget.limit - sum(each.window.octets for each in modest)
    assert media_playlist(great.window).count("EXTINF") >= 1


def test_an_open_segment_that_outgrew_its_share_costs_nobody_else_the_minimum() -> None:
    clock, budget = Clock(), Budget(100_000)
    modest = [Stream(clock, budget, 300) for _ in range(2)]
    great = Stream(clock, budget, 3000)
    # Its share was larger when the segment began, and it is long in coming to an end.
    great.most, great.parts = 1 << 30, 1000
    play(clock, [*modest, great], 20, lambda: None)
    assert len(great.window.listed) == 1
    assert great.window.octets > budget.limit
    assert all(stream.seconds >= 5.99 for stream in modest)


def test_ended_ones_count_and_give_before_the_live_ones() -> None:
    clock, budget = Clock(), Budget(150_000)
    ended, live = Stream(clock, budget, 400), Stream(clock, budget, 400)
    play(clock, [ended, live], 40, lambda: None)
    ended.window.end()
    before = ended.window.octets
    play(clock, [live], 30, lambda: None)
    assert ended.window.octets <= before
    assert not live.squeezed
    # The last segment stays, for the end.
    budget.limit = 50_000
    play(clock, [live], 1, lambda: None)
    assert len(ended.window.listed) == 1
    used = budget.used
    left = ended.window.octets
    ended.window.clear()
    assert (budget.used, ended.window.octets) == (used - left, 0)
    assert budget.share == 50_000


def test_ended_ones_take_no_share_and_give_all_at_last() -> None:
    clock, budget = Clock(), Budget(64_000)
    live = Stream(clock, budget, 400)
    for _ in range(20):
        short = Stream(clock, budget, 400)
        play(clock, [short], 2, lambda: None)
        short.window.end()
    assert live.most == 32_000
    ended = [window for window in budget.windows if window.ended]
    budget.limit = 15_000
    play(clock, [live], 20, lambda: None)
    assert budget.used <= budget.limit
    assert live.window.listed
    assert not all(window.listed for window in ended)
    assert budget.used == live.window.octets + sum(window.octets for window in ended)


def test_an_ended_one_that_is_cleared_gives_back_its_share() -> None:
    clock, budget = Clock(), Budget(1000)
    streams = [Stream(clock, budget, 1) for _ in range(4)]
    assert {stream.most for stream in streams} == {125}
    for stream in streams[1:]:
        stream.window.clear()
        stream.window.clear()
    assert streams[0].most == 500


@pytest.mark.parametrize("count", [30, 100])
def test_many_streams_at_high_rates(count: int) -> None:
    """Each would take 30 s and more of what it sends; there is room for a tenth of that."""
    clock = Clock()
    size = 500
    budget = Budget(count * size * 5 * 3)
    streams = [Stream(clock, budget, size) for _ in range(count)]
    peak = 0

    def look() -> None:
        nonlocal peak
        peak = max(peak, budget.used)

    play(clock, streams, 40, look)
    assert peak <= budget.limit
    assert budget.used == sum(stream.window.octets for stream in streams)
    # Shares are equal, if not everyone's at every moment.
    assert all(stream.window.octets <= budget.share + size for stream in streams)
    assert all(stream.window.listed for stream in streams)
    assert all(stream.consistent() for stream in streams)


@settings(max_examples=40, deadline=None)
@given(
    limit=st.integers(20_000, 300_000),
    sizes=st.lists(st.integers(10, 2000), min_size=1, max_size=12),
    steps=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 25)), max_size=60),
    ends=st.sets(st.integers(0, 59)),
)
def test_the_sum_stays_bounded_whatever_comes(
    limit: int, sizes: list[int], steps: list[tuple[int, int]], ends: set[int]
) -> None:
    clock, budget = Clock(), Budget(limit)
    streams = [Stream(clock, budget, size) for size in sizes]
    for number, (index, parts) in enumerate(steps):
        stream = streams[index % len(streams)]
        for _ in range(parts):
            clock.now += 0.05
            if not stream.window.ended:
                stream.part()
            assert budget.used <= limit
            assert budget.used == sum(each.window.octets for each in streams)
        if number in ends and not stream.open:
            stream.window.end()
    assert all(stream.consistent() for stream in streams)
