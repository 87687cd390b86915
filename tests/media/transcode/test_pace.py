from __future__ import annotations

import pytest

from metropole_media.transcode.pace import MAX_GOP, MAX_MARKS, FrameGate, KeyFrames, RateMeter

FRAME = 3000


def test_the_first_frame_is_a_key_frame_then_where_the_source_has_one() -> None:
    keys = KeyFrames()
    keys.mark(0)
    keys.mark(5 * FRAME)
    assert [n for n in range(10) if keys.at(n * FRAME)] == [0, 5]


def test_a_key_frame_that_is_lost_makes_the_next_one() -> None:
    keys = KeyFrames()
    keys.mark(0)
    keys.at(0)
    keys.mark(FRAME)
    assert keys.at(2 * FRAME)
    assert not keys.at(3 * FRAME)


def test_long_groups_get_more_of_them_and_four_seconds_do_not() -> None:
    keys = KeyFrames()
    for second in (0, 4, 8):
        keys.mark(second * 90_000)
    times = range(0, 8 * 90_000 + 1, FRAME)
    assert [t for t in times if keys.at(t)] == [0, 4 * 90_000, 8 * 90_000]
    later = range(8 * 90_000 + FRAME, 18 * 90_000, FRAME)
    first, second = (t for t in later if keys.at(t))
    assert 0 <= first - 8 * 90_000 - MAX_GOP < FRAME
    assert 0 <= second - first - MAX_GOP < FRAME


def test_marks_are_bounded() -> None:
    keys = KeyFrames()
    for number in range(1000):
        keys.mark(number)
    assert len(keys._marks) == MAX_MARKS


@pytest.mark.parametrize(
    ("source", "wanted", "step"),
    [(60, 30, 2), (59.94, 30, 2), (60, 29.97, 2), (50, 25, 2), (30, 30, 1), (29.97, 30, 1),
     (25, 30, 1), (30, 25, 1), (144, 30, 5), (120, 30, 4), (60, 15, 4), (0, 30, 1), (30, 0, 1)],
)  # fmt: skip
def test_frames_are_left_out_evenly(source: float, wanted: float, step: int) -> None:
    gate = FrameGate(wanted)
    taken = [n for n in range(41) if gate.take(n == 0, source)]
    assert taken == list(range(0, 41, step))


def test_counting_begins_with_the_key_frame() -> None:
    gate = FrameGate(30)
    keys = {0, 7}
    assert [n for n in range(12) if gate.take(n in keys, 60)] == [0, 2, 4, 6, 7, 9, 11]


def test_the_rate_is_what_was_said_until_it_is_known() -> None:
    meter = RateMeter(60.0)
    for number in range(40):
        meter.take(number * FRAME, number % 10 == 0)
        if number == 9:
            assert meter.rate == 60.0
    assert meter.rate == 30.0


def test_the_rate_of_a_source_that_says_nothing() -> None:
    meter = RateMeter(0.0)
    # In milliseconds, as RTMP has it, with a hole.
    for time in (0, 17, 33, 50, 67, 1067):
        assert meter.rate == 0.0
        meter.take(time * 90, time == 0)
    assert meter.rate == pytest.approx(60, rel=0.03)


@pytest.mark.parametrize("said", [float("nan"), float("inf"), -1.0, 1e9])
def test_nonsense_is_not_believed(said: float) -> None:
    assert RateMeter(said).rate == 0.0
