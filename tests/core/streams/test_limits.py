"""The rules of limits, with a clock that is turned by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_core.streams.limits import (
    CUT_WITHIN,
    FORGIVEN_AFTER,
    GROSS,
    PATIENCE,
    REST_AFTER_END,
    RESTS,
    TOLERANCE,
    WINDOW,
    Meter,
    Pace,
    Patience,
    Rests,
    Term,
    larger_than,
)
from metropole_media.live import Track

LIMIT = 6_000_000


def paces(rates: list[float], step: float = 1.0, limit: int = LIMIT) -> list[Pace]:
    """What follows from a stream that sends so many bit/s for `step` seconds each."""
    meter, patience, octets, found = Meter(), Patience(), 0.0, []
    meter.look(0.0, 0)
    for number, rate in enumerate(rates, 1):
        octets += rate * step / 8
        now = number * step
        meter.look(now, int(octets))
        found.append(patience.look(now, meter.rate, meter.recent, limit))
    return found


@given(
    st.lists(st.floats(0, LIMIT * TOLERANCE), min_size=1, max_size=120),
    st.floats(0.2, 4.0),
)
def test_who_stays_below_is_never_cut_off(rates: list[float], step: float) -> None:
    assert set(paces(rates, step)) <= {Pace.FINE}


@given(
    st.lists(st.floats(0, LIMIT), max_size=60),
    st.floats(LIMIT * TOLERANCE * 1.001, LIMIT * 100),
    st.floats(0.2, 1.5),
)
def test_who_stays_above_is_cut_off_in_time(before: list[float], rate: float, step: float) -> None:
    looks = int(CUT_WITHIN / step)
    found = paces(before + [rate] * looks, step)
    assert Pace.TOO_MUCH in found[len(before) :]


@given(st.lists(st.floats(0, LIMIT * 20), min_size=1, max_size=200))
@settings(max_examples=200)
def test_a_cut_is_always_deserved(rates: list[float]) -> None:
    """Whoever is cut off was over the tolerance in every window of the last seconds, or far over
    it in the last one."""
    found = paces(rates)
    for end, pace in enumerate(found, 1):
        if pace is not Pace.TOO_MUCH:
            continue

        def average(last: int) -> float:
            window = int(WINDOW)
            return sum(rates[max(0, last - window) : last]) / window

        averages = [average(last) for last in range(max(1, end - int(PATIENCE)), end + 1)]
        assert averages[-1] > LIMIT * GROSS * 0.999 or min(averages) > LIMIT * TOLERANCE * 0.999


def test_a_warning_comes_first() -> None:
    found = paces([LIMIT * 1.5] * 22)
    over = found.index(Pace.OVER)
    assert over == 7  # seconds at 1.5 times until the average of 10 s is over 1.1 times
    assert found.index(Pace.TOO_MUCH) == over + PATIENCE


def test_who_lowers_it_in_time_stays() -> None:
    found = paces([LIMIT * 1.4] * 15 + [LIMIT] * 30)
    assert Pace.OVER in found
    assert Pace.TOO_MUCH not in found


def test_a_short_burst_is_forgiven() -> None:
    # A second of four times the limit, as after a hitch of the network.
    assert set(paces([LIMIT * 0.9] * 20 + [LIMIT * 2] + [LIMIT * 0.9] * 20)) == {Pace.FINE}


def test_far_too_much_is_cut_off_without_patience() -> None:
    found = paces([LIMIT * 30] * 3)
    assert found[0] is Pace.TOO_MUCH


def test_no_limit() -> None:
    assert set(paces([1e11] * 30, limit=0)) == {Pace.FINE}


def test_a_new_stream_is_measured_anew() -> None:
    meter = Meter()
    meter.look(0, 0)
    assert meter.look(10, 10_000_000) == 8_000_000
    assert meter.look(11, 0) == 0
    assert meter.look(12, 1_250_000) == 1_000_000


def test_a_meter_forgets() -> None:
    meter = Meter()
    for second in range(10_000):
        meter.look(float(second), second)
    assert len(meter._samples) <= WINDOW + 2


@given(st.integers(1, 100_000), st.floats(0.1, 3.0))
def test_a_creator_is_told_of_the_end_at_most_once_each(limit: int, step: float) -> None:
    term, told, now = Term(1000.0), [], 1000.0
    # Only the last quarter of an hour matters.
    now += max(0.0, limit - 900.0)
    while term.left(now, limit) > 0:
        if term.tell(now, limit):
            told.append(term.left(now, limit))
        now += step
    assert [left <= 60 for left in told] == [False] * (limit > 600) + [True] * (limit > 60)
    assert all(600 - step <= left <= 600 or 60 - step <= left <= 60 for left in told)


def test_a_limit_that_is_changed_is_told_of_anew() -> None:
    term = Term(0.0)
    assert not term.tell(1000, 3600)
    assert term.tell(1000, 1200)
    assert not term.tell(1001, 1200)
    assert term.tell(3000, 3600)
    assert not term.tell(3600, 3600)


def test_rests_grow_and_are_forgiven() -> None:
    rests, now = Rests(), 100.0
    for seconds in (*RESTS, RESTS[-1]):
        assert rests.cut(now) == seconds
        assert rests.until == now + seconds
        now = rests.until + 22
        rests.over(now)
        rests.fine(now + 1)
    assert not rests.spent(now + FORGIVEN_AFTER - 1)
    rests.fine(now + FORGIVEN_AFTER)
    assert rests.spent(now + FORGIVEN_AFTER)
    assert rests.cut(now + FORGIVEN_AFTER) == RESTS[0]


def test_a_rest_after_the_end() -> None:
    rests = Rests()
    rests.ended(10.0)
    assert rests.until == 10 + REST_AFTER_END


@pytest.mark.parametrize(
    ("width", "height", "limit", "fits"),
    [
        (1920, 1080, 1080, True),
        (1080, 1920, 1080, True),
        (1920, 1088, 1080, True),
        (2560, 1080, 1080, True),
        (1920, 1089, 1080, False),
        (3840, 2160, 1080, False),
        (2160, 3840, 1080, False),
        (1280, 721, 720, False),
        (7680, 4320, 0, True),
    ],
)
def test_pictures(width: int, height: int, limit: int, fits: bool) -> None:
    sound = Track(100, "audio", "mp4a", "mp4a.40.2", 48_000, b"")
    picture = Track(0, "video", "avc1", "avc1.640028", 1000, b"", width, height)
    assert (larger_than((sound, picture), limit) is None) is fits
