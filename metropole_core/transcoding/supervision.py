"""What is done when the making of renditions goes wrong: a table, and rules that it names.

One stream's job is

    idle ─▶ working ⇄ resting ─▶ given up

PLANNED says which renditions are wanted from now on (again when the source changed, or another
back-end shall try), WELL and BEHIND how the job does, FAILED that it has ended by itself, TIME
that time has passed.

* A job that is behind for `PATIENCE` without getting nearer loses its largest rendition and goes
  on with the rest: the largest costs most, and viewers of it step down. Without any left, there
  is the source.
* A rendition that stands still while the others go on (LOST) is taken away likewise.
* A job that fails begins again after a rest, longer each time (`RESTS`). `FAILURES` within
  `FAILURE_SECONDS` are no accident: another back-end shall try, and without one it is given up.
  One that ran well for `FORGIVEN` seconds has failed for the first time again.
* What was taken away does not come back within the broadcast: a machine that was too slow once is
  too slow again as soon as it has more to do, and viewers who are sent up and down are worse off.
  A source that changes is planned anew, whatever happened before.

What is not in the table changes nothing: a report of a job that was replaced, time that passes
while all is well.

Sans-IO: `step` takes a moment, what happened and the time, and returns the next moment with what
is to be done. The caller asks again (TIME) at `Moment.due`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from metropole_media.ladder import RenditionPlan

PATIENCE = 5.0
"""Seconds behind, without a moment in which it was not, or was less so than before."""
NEARER = 0.05
"""Seconds of lag that are an improvement."""
RESTS = (1.0, 2.0, 5.0, 15.0, 60.0)
FAILURES = 3
FAILURE_SECONDS = 120.0
FORGIVEN = 600.0


class Phase(str, Enum):
    """Where the job of a stream is."""

    IDLE = "idle"
    WORKING = "working"
    RESTING = "resting"
    GIVEN_UP = "given up"


class Happening(str, Enum):
    """What is heard of it."""

    PLANNED = "planned"
    WELL = "well"
    BEHIND = "behind"
    FAILED = "failed"
    LOST = "lost"
    TIME = "time"


class Order(str, Enum):
    """What is to be done."""

    NOTHING = "nothing"
    START = "start"
    """Start a job with `Moment.plans`, instead of the one that runs."""
    SHED = "shed"
    """Take `Step.shed` off the ladder, which the job sees; without plans left, end it."""
    REST = "rest"
    """The job is over; begin again later."""
    CHANGE = "change"
    """Have another back-end try; without one, take all video off the ladder."""


IDLE, WORKING, RESTING, GIVEN_UP = Phase
PLANNED, WELL, BEHIND, FAILED, LOST, TIME = Happening


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is known of a stream's job.

    Fields:
        phase: where it is.
        plans: renditions that it makes, or shall make, largest first.
        started: when it began (monotonic seconds).
        behind: since when it has been behind and got no nearer; None when it is not.
        lag: seconds, the least since it fell behind.
        failures: when it failed, within `FAILURE_SECONDS`.
        row: failures since it last ran well for long.
        due: when to ask again with TIME, None for never.
    """

    phase: Phase = IDLE
    plans: tuple[RenditionPlan, ...] = ()
    started: float = 0.0
    behind: float | None = None
    lag: float = 0.0
    failures: tuple[float, ...] = ()
    row: int = 0
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What follows. `shed`: the rendition that is taken away, with SHED."""

    moment: Moment
    order: Order = Order.NOTHING
    shed: RenditionPlan | None = None


def step(
    moment: Moment,
    happening: Happening,
    now: float,
    plans: tuple[RenditionPlan, ...] = (),
    lag: float = 0.0,
) -> Step:
    """What follows from something that happened.

    Arguments:
        now: monotonic seconds.
        plans: with PLANNED, what is wanted, without sound alone; with LOST, the one that is.
        lag: with BEHIND, seconds.
    """
    if happening is PLANNED:
        return _planned(plans, now)
    if happening is LOST:
        return _without(moment, plans[0]) if moment.phase is WORKING else Step(moment)
    if (moment.phase, happening) == (WORKING, BEHIND) and (
        moment.behind is None or lag < moment.lag - NEARER
    ):
        moment = replace(moment, behind=now, lag=lag)
    rule = TABLE.get((moment.phase, happening))
    return rule(moment, now) if rule is not None else Step(moment)


def _planned(plans: tuple[RenditionPlan, ...], now: float) -> Step:
    if not plans:
        return Step(Moment())
    return Step(Moment(WORKING, plans, started=now), Order.START)


def _well(moment: Moment, now: float) -> Step:
    return Step(replace(moment, behind=None))


def _behind(moment: Moment, now: float) -> Step:
    if moment.behind is None or now - moment.behind < PATIENCE:
        return Step(moment)
    return _without(moment, moment.plans[0])


def _without(moment: Moment, shed: RenditionPlan) -> Step:
    rest = tuple(plan for plan in moment.plans if plan != shed)
    phase = WORKING if rest else GIVEN_UP
    return Step(replace(moment, phase=phase, plans=rest, behind=None), Order.SHED, shed)


def _failed(moment: Moment, now: float) -> Step:
    recent = tuple(at for at in moment.failures if now - at < FAILURE_SECONDS)
    failures = (*recent, now)
    if len(failures) >= FAILURES:
        return Step(replace(moment, phase=GIVEN_UP, behind=None, due=None), Order.CHANGE)
    row = 0 if now - moment.started >= FORGIVEN else moment.row
    rest = RESTS[min(row, len(RESTS) - 1)]
    after = replace(
        moment, phase=RESTING, behind=None, failures=failures, row=row + 1, due=now + rest
    )
    return Step(after, Order.REST)


def _rested(moment: Moment, now: float) -> Step:
    if moment.due is not None and now < moment.due:
        return Step(moment)
    return Step(replace(moment, phase=WORKING, started=now, due=None), Order.START)


TABLE: dict[tuple[Phase, Happening], Callable[[Moment, float], Step]] = {
    (WORKING, WELL): _well,
    (WORKING, BEHIND): _behind,
    (WORKING, FAILED): _failed,
    (RESTING, TIME): _rested,
}
