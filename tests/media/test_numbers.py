"""Numbers go on over a restart, whatever was sent before it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.numbers import FRESH_SECONDS, Numbers
from tests.support.packaging import AUDIO, VIDEO, Chain, frames, sound, together


def test_a_new_broadcast_begins_at_the_beginning() -> None:
    assert Numbers.after(0.0) == Numbers.after(FRESH_SECONDS / 2) == Numbers(1, 0, resumed=False)
    assert Numbers().discontinuities == 0


def test_a_clock_that_was_set_back_makes_no_new_broadcast() -> None:
    numbers = Numbers.after(-3600.0)
    assert numbers.resumed
    assert numbers.segment >= 1


@settings(max_examples=25, deadline=None)
@given(
    lives=st.lists(st.floats(0.5, 25), min_size=2, max_size=4),
    away=st.floats(0.5, 30),
    gop=st.sampled_from([1, 5, 13, 30, 60]),
    pace=st.sampled_from([0.05, 0.3, 1.0, 1.2]),
    flaps=st.booleans(),
)
def test_numbers_never_go_back(
    lives: list[float], away: float, gop: int, pace: float, flaps: bool
) -> None:
    """Lives of a server, in seconds of the stream; `pace`: seconds of ours for one of those. An
    encoder that flaps leaves and comes back every 3 s of the stream, but not in less than one."""
    flaps &= pace >= 0.3
    now, live_at = 1000.0, None
    segment, part, cuts = 0, -1, -1
    for life in lives:
        began = live_at if live_at is not None else now
        chain = Chain(numbers=Numbers.after(now - began))
        chain.clock.now = now
        publisher = chain.publish(VIDEO, AUDIO)
        begin = now
        for packet in together(frames(round(life * 30), gop=gop, size=20), sound(life)):
            chain.clock.now = now = begin + packet.dts / 1000 * pace
            if flaps and packet.track == 0 and packet.dts % 3000 < 20 and packet.dts:
                publisher.detach()
                publisher = chain.publish(VIDEO, AUDIO)
            publisher.write(packet)
            if live_at is None and chain.taken.window.target_duration:
                live_at = now
        for start, parts in chain.taken.segments:
            assert start.number > segment
            segment = start.number
            for each in parts:
                assert pace < 1 or each.number > part
                part = each.number
        if live_at is None:
            return  # nobody has seen anything of it
        window = chain.taken.window
        assert window.discontinuities >= cuts
        cuts = window.discontinuities + sum(each.discontinuity for each in window.listed)
        now += away


def test_a_flood_of_key_frames_makes_longer_segments() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    for packet in frames(3000, gop=15):
        chain.clock.now += 0.001
        publisher.write(packet)
    # 3 s of ours; what is too long ends in any case.
    assert len(chain.taken.segments) <= 60
    assert max(chain.taken.durations()) > 1.4


@pytest.mark.parametrize("seconds", [1.0, 86_400.0, 400 * 86_400.0])
def test_the_first_segment_of_a_resumed_broadcast(seconds: float) -> None:
    chain = Chain(numbers=Numbers.after(seconds))
    chain.send(chain.publish(VIDEO), frames(90))
    start, parts = chain.taken.segments[0]
    assert start.number == chain.taken.window.listed[0].number == 3 + seconds * 10
    assert start.discontinuity
    assert parts[0].number == seconds * 100
    assert [each.discontinuity for each, _ in chain.taken.segments[1:]] == [False]
    assert start.number < 2**53
