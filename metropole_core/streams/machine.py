"""The live status of one channel: a table, and nothing else that could decide.

A channel goes

    offline ─▶ connecting ─▶ live ⇄ interrupted ─▶ offline

CONNECTED says that a publisher is there, AVAILABLE that something can be played, LOST that its
connection broke, ENDED that it said good-bye. Each event names its *session*: one publisher's
stay. Webhooks come late, twice and out of order, so what an event means depends on how its
session relates to what is known:

* **current**: the publisher that is there;
* **gone**: the publisher that was lost and may still be followed by a newer one;
* **new**: a session that was never heard of, so it is newer than what is known, or its first
  event comes late;
* **old**: it was replaced, lost or over. Nothing of it counts any more.

What is not in the table changes no state; LOST and ENDED of a new session only make it old, so
that its CONNECTED, should it come after, is not believed.

Time: only this module times the reconnect window. It begins when a live channel loses its
publisher. A publisher that comes back gets `CONNECT_GRACE` to become available even if the
window ends meanwhile, but a window is never begun anew before something was playable again, so
an encoder that connects and sends nothing cannot keep a broadcast open.

Sans-IO: `step` and `expire` take a state and the time, and return the next state. The caller
asks again at `Moment.deadline`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from metropole_core.contracts.events import LiveState
from metropole_core.contracts.provider import ProviderEventKind

WINDOW = 30.0
"""Seconds in which an encoder may come back."""
CONNECT_GRACE = 10.0
"""Seconds that a publisher who came back gets to become playable."""
MAX_OLD = 32
"""Sessions that are remembered as old, the newest."""


class Relation(str, Enum):
    """How an event's session relates to what the machine knows."""

    CURRENT = "current"
    GONE = "gone"
    NEW = "new"
    OLD = "old"


OFFLINE, CONNECTING, LIVE, INTERRUPTED = LiveState
CONNECTED, AVAILABLE, LOST, ENDED = ProviderEventKind
CURRENT, GONE, NEW, OLD = Relation

TABLE: dict[tuple[LiveState, ProviderEventKind, Relation], LiveState] = {
    (OFFLINE, CONNECTED, NEW): CONNECTING,
    (OFFLINE, AVAILABLE, NEW): LIVE,  # its CONNECTED is late
    (CONNECTING, CONNECTED, NEW): CONNECTING,  # a newer publisher took over
    (CONNECTING, AVAILABLE, CURRENT): LIVE,
    (CONNECTING, AVAILABLE, NEW): LIVE,
    (CONNECTING, LOST, CURRENT): OFFLINE,  # nobody has seen anything yet
    (CONNECTING, ENDED, CURRENT): OFFLINE,
    (LIVE, CONNECTED, NEW): LIVE,  # a newer publisher took over, the LOST of the former is late
    (LIVE, AVAILABLE, NEW): LIVE,
    (LIVE, LOST, CURRENT): INTERRUPTED,
    (LIVE, ENDED, CURRENT): OFFLINE,
    (INTERRUPTED, CONNECTED, NEW): INTERRUPTED,  # back, but nothing to see yet
    (INTERRUPTED, AVAILABLE, CURRENT): LIVE,
    (INTERRUPTED, AVAILABLE, NEW): LIVE,
    (INTERRUPTED, LOST, CURRENT): INTERRUPTED,
    (INTERRUPTED, ENDED, CURRENT): OFFLINE,
    (INTERRUPTED, ENDED, GONE): OFFLINE,  # it said good-bye after all
}


@dataclass(frozen=True, slots=True)
class Moment:
    """All that the machine knows of a channel.

    Fields:
        state: where it is.
        session: the publisher's stay that counts, None when there is none.
        connected: whether that publisher is there now.
        window_ends: when the reconnect window ends (monotonic seconds); only while interrupted.
        deadline: when to call `expire`, None for never.
        old: sessions of which nothing counts any more, oldest first.
    """

    state: LiveState = OFFLINE
    session: str | None = None
    connected: bool = False
    window_ends: float | None = None
    deadline: float | None = None
    old: tuple[str, ...] = ()


def relation(moment: Moment, session: str) -> Relation:
    """How a session relates to what is known."""
    if session == moment.session:
        return CURRENT if moment.connected else GONE
    return OLD if session in moment.old else NEW


def step(
    moment: Moment, kind: ProviderEventKind, session: str, now: float, window: float = WINDOW
) -> Moment:
    """The state after an event.

    Arguments:
        now: monotonic seconds; a deadline that has passed counts first.
        window: length of the reconnect window in seconds.
    """
    moment = expire(moment, now)
    related = relation(moment, session)
    following = TABLE.get((moment.state, kind, related))
    if following is None:
        if related is NEW and kind in (LOST, ENDED):
            return replace(moment, old=_remember(moment.old, session))
        return moment
    if following is OFFLINE:
        return _offline(moment)
    if kind is LOST:
        return _interrupted(moment, now, window)
    if related is NEW:
        moment = replace(
            moment,
            session=session,
            connected=True,
            old=_remember(moment.old, moment.session),
        )
    if following is INTERRUPTED:
        ends = moment.window_ends if moment.window_ends is not None else now
        return replace(moment, deadline=max(ends, now + CONNECT_GRACE))
    return replace(moment, state=following, window_ends=None, deadline=None)


def expire(moment: Moment, now: float) -> Moment:
    """The state after time has passed: offline when the deadline has."""
    if moment.deadline is not None and now >= moment.deadline:
        return _offline(moment)
    return moment


def end(moment: Moment) -> Moment:
    """The creator ended the broadcast."""
    return _offline(moment)


def recover(state: LiveState, session: str | None, now: float, window: float = WINDOW) -> Moment:
    """What to make of a stored state after a restart: nobody is connected. A broadcast that was
    on gets a whole window from now, so that encoders find the way back; what nobody had seen yet
    is offline."""
    if state in (LIVE, INTERRUPTED):
        ends = now + window
        return Moment(INTERRUPTED, session, False, ends, ends)
    return Moment(old=_remember((), session))


def _interrupted(moment: Moment, now: float, window: float) -> Moment:
    ends = moment.window_ends if moment.window_ends is not None else now + window
    if ends <= now:
        return _offline(moment)
    return replace(moment, state=INTERRUPTED, connected=False, window_ends=ends, deadline=ends)


def _offline(moment: Moment) -> Moment:
    return Moment(old=_remember(moment.old, moment.session))


def _remember(old: tuple[str, ...], session: str | None) -> tuple[str, ...]:
    if session is None or session in old:
        return old
    return (*old, session)[-MAX_OLD:]
