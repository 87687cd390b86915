"""What follows when the making of renditions goes wrong."""

from __future__ import annotations

import pytest

from metropole_core.transcoding.supervision import (
    FAILURE_SECONDS,
    FORGIVEN,
    PATIENCE,
    RESTS,
    TABLE,
    Happening,
    Moment,
    Order,
    Phase,
    Step,
    step,
)
from metropole_media.ladder import RenditionPlan

BIG = RenditionPlan("720p", 1280, 720, 30.0, 2_500_000, "avc1.64001f")
SMALL = RenditionPlan("480p", 854, 480, 30.0, 1_400_000, "avc1.64001f")
PLANNED, WELL, BEHIND, FAILED, LOST, TIME = Happening


def begun(now: float = 0.0) -> Moment:
    return step(Moment(), PLANNED, now, (BIG, SMALL)).moment


def run(moment: Moment, *happened: tuple[Happening, float]) -> Step:
    result = Step(moment)
    for happening, now in happened:
        result = step(result.moment, happening, now)
    return result


def test_it_begins_with_a_plan() -> None:
    first = step(Moment(), PLANNED, 5.0, (BIG, SMALL))
    assert (first.order, first.moment.phase) == (Order.START, Phase.WORKING)
    nothing = step(first.moment, PLANNED, 6.0, ())
    assert (nothing.order, nothing.moment) == (Order.NOTHING, Moment())


def test_behind_for_long_costs_the_largest() -> None:
    late = run(begun(), (BEHIND, 1), (BEHIND, PATIENCE + 0.9))
    assert late.order is Order.NOTHING
    late = run(late.moment, (BEHIND, PATIENCE + 1))
    assert (late.order, late.shed, late.moment.plans) == (Order.SHED, BIG, (SMALL,))
    # The smaller job gets its own time.
    again = run(late.moment, (BEHIND, 7), (BEHIND, 7 + PATIENCE - 0.1))
    assert again.order is Order.NOTHING
    last = run(again.moment, (BEHIND, 7 + PATIENCE))
    assert (last.order, last.shed, last.moment.plans) == (Order.SHED, SMALL, ())
    assert last.moment.phase is Phase.GIVEN_UP


def test_one_that_gets_nearer_is_let_be() -> None:
    moment = begun()
    for second in range(60):
        done = step(moment, BEHIND, float(second), lag=5.0 - second * 0.06)
        assert done.order is Order.NOTHING
        moment = done.moment
    for second in (60, 64):
        assert step(moment, BEHIND, float(second - 1), lag=1.6).order is Order.NOTHING
    assert step(moment, BEHIND, 59 + PATIENCE, lag=1.6).order is Order.SHED


def test_one_good_moment_is_enough() -> None:
    done = run(begun(), (BEHIND, 1), (BEHIND, 5), (WELL, 5.5), (BEHIND, 7), (BEHIND, 11.9))
    assert done.order is Order.NOTHING


def test_failures_are_followed_by_longer_rests() -> None:
    moment, now = begun(), 0.0
    for rest in (*RESTS, RESTS[-1]):
        now += FAILURE_SECONDS / 2 + 1  # so rare that it is not given up
        failed = run(moment, (FAILED, now))
        assert (failed.order, failed.moment.phase) == (Order.REST, Phase.RESTING)
        assert failed.moment.due == now + rest
        assert run(failed.moment, (TIME, now + rest - 0.1)).order is Order.NOTHING
        now += rest
        resumed = run(failed.moment, (TIME, now))
        assert (resumed.order, resumed.moment.plans) == (Order.START, (BIG, SMALL))
        assert resumed.moment.due is None
        moment = resumed.moment
    now += FORGIVEN
    assert run(moment, (FAILED, now)).moment.due == now + RESTS[0]


def test_three_failures_in_a_row_are_no_accident() -> None:
    done = run(begun(), (FAILED, 1), (TIME, 2), (FAILED, 3), (TIME, 5), (FAILED, 6))
    assert (done.order, done.moment.phase) == (Order.CHANGE, Phase.GIVEN_UP)
    assert done.moment.due is None
    # Another back-end may try, and has all chances.
    other = step(done.moment, PLANNED, 7, (SMALL,))
    assert (other.order, other.moment.failures) == (Order.START, ())
    assert run(other.moment, (FAILED, 8)).order is Order.REST


def test_two_failures_and_one_much_later() -> None:
    late = 3 + FAILURE_SECONDS
    done = run(begun(), (FAILED, 1), (TIME, 2), (FAILED, 3), (TIME, 5), (FAILED, late))
    assert done.order is Order.REST


def test_one_that_is_lost_leaves_the_others() -> None:
    done = step(begun(), LOST, 1.0, (SMALL,))
    assert (done.order, done.shed, done.moment.plans) == (Order.SHED, SMALL, (BIG,))
    resting = run(done.moment, (FAILED, 2)).moment
    assert step(resting, LOST, 3.0, (BIG,)) == Step(resting)
    last = step(done.moment, LOST, 4.0, (BIG,))
    assert (last.order, last.moment.phase) == (Order.SHED, Phase.GIVEN_UP)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("happening", [WELL, BEHIND, FAILED, TIME])
def test_what_is_not_in_the_table_changes_nothing(phase: Phase, happening: Happening) -> None:
    moment = Moment(phase, (BIG,), due=1.0)
    if (phase, happening) not in TABLE:
        assert step(moment, happening, 100.0) == Step(moment)
