"""The live-status machine: told stories, then random ones that must never break a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_core.contracts.events import LiveState
from metropole_core.contracts.provider import ProviderEventKind
from metropole_core.streams import machine
from metropole_core.streams.machine import (
    AVAILABLE,
    CONNECTED,
    CONNECTING,
    ENDED,
    INTERRUPTED,
    LIVE,
    LOST,
    OFFLINE,
    Moment,
)


def play(*events: tuple[ProviderEventKind, str, float], start: Moment | None = None) -> Moment:
    moment = start or Moment()
    for kind, session, at in events:
        moment = machine.step(moment, kind, session, at)
    return moment


ON_AIR = play((CONNECTED, "a", 0), (AVAILABLE, "a", 1))


def test_a_broadcast_from_connecting_to_its_end() -> None:
    assert play((CONNECTED, "a", 0)).state is CONNECTING
    assert ON_AIR.state is LIVE
    assert ON_AIR.deadline is None
    assert play((ENDED, "a", 5), start=ON_AIR).state is OFFLINE


def test_a_drop_inside_the_window_keeps_the_broadcast() -> None:
    lost = play((LOST, "a", 10), start=ON_AIR)
    assert lost.state is INTERRUPTED
    assert lost.deadline == 40
    assert machine.expire(lost, 39.9) is lost
    back = play((CONNECTED, "b", 20), start=lost)
    assert back.state is INTERRUPTED
    assert play((AVAILABLE, "b", 21), start=back).state is LIVE


def test_the_window_ends_the_broadcast() -> None:
    lost = play((LOST, "a", 10), start=ON_AIR)
    assert machine.expire(lost, 40).state is OFFLINE
    # An event that comes after the deadline meets a channel that is offline.
    assert play((AVAILABLE, "b", 41), start=lost).state is LIVE
    assert play((CONNECTED, "b", 41), start=lost).state is CONNECTING


def test_who_comes_back_late_gets_time_to_become_playable() -> None:
    lost = play((LOST, "a", 10), start=ON_AIR)
    back = play((CONNECTED, "b", 39), start=lost)
    assert back.deadline == 39 + machine.CONNECT_GRACE
    assert play((AVAILABLE, "b", 45), start=back).state is LIVE


def test_connecting_without_sending_does_not_begin_the_window_anew() -> None:
    moment = play((LOST, "a", 10), start=ON_AIR)
    for number in range(20):
        at = 11 + number * 2
        moment = play((CONNECTED, f"b{number}", at), (LOST, f"b{number}", at + 1), start=moment)
    assert moment.state is not INTERRUPTED
    assert moment.state is not LIVE


def test_a_publisher_nobody_saw_leaves_nothing_behind() -> None:
    assert play((CONNECTED, "a", 0), (LOST, "a", 1)).state is OFFLINE


def test_good_bye_after_the_loss_ends_the_broadcast() -> None:
    assert play((LOST, "a", 10), (ENDED, "a", 11), start=ON_AIR).state is OFFLINE


@pytest.mark.parametrize("kind", list(ProviderEventKind))
def test_late_events_of_a_replaced_publisher_change_nothing(kind: ProviderEventKind) -> None:
    replaced = play((CONNECTED, "b", 5), start=ON_AIR)
    assert replaced.state is LIVE
    assert play((kind, "a", 6), start=replaced) == replaced


@pytest.mark.parametrize("kind", [CONNECTED, AVAILABLE, LOST])
def test_a_lost_session_does_not_come_back(kind: ProviderEventKind) -> None:
    lost = play((LOST, "a", 10), start=ON_AIR)
    assert play((kind, "a", 11), start=lost) == lost


def test_the_end_before_the_beginning_is_believed() -> None:
    assert play((ENDED, "a", 0), (CONNECTED, "a", 1), (AVAILABLE, "a", 2)).state is OFFLINE


def test_available_before_connected() -> None:
    early = play((AVAILABLE, "a", 0))
    assert early.state is LIVE
    assert play((CONNECTED, "a", 1), start=early) == early


@pytest.mark.parametrize("state", [LIVE, INTERRUPTED])
def test_recovery_gives_a_whole_window(state: LiveState) -> None:
    moment = machine.recover(state, "a", 100)
    assert moment.state is INTERRUPTED
    assert moment.deadline == 130
    assert machine.expire(moment, 130).state is OFFLINE
    assert play((CONNECTED, "b", 110), (AVAILABLE, "b", 112), start=moment).state is LIVE


@pytest.mark.parametrize("state", [OFFLINE, CONNECTING])
def test_recovery_of_what_nobody_saw(state: LiveState) -> None:
    moment = machine.recover(state, "a", 100)
    assert moment.state is OFFLINE
    assert moment.deadline is None


def test_the_creator_ends_it_for_good() -> None:
    ended = machine.end(ON_AIR)
    assert ended.state is OFFLINE
    assert play((AVAILABLE, "a", 5), (LOST, "a", 6), start=ended).state is OFFLINE


def test_the_memory_of_old_sessions_is_bounded() -> None:
    moment = ON_AIR
    for number in range(1000):
        moment = play((CONNECTED, f"s{number}", 5), start=moment)
    assert len(moment.old) == machine.MAX_OLD
    assert moment.old[-1] == "s998"


def test_a_window_of_nothing_ends_at_once() -> None:
    assert machine.step(ON_AIR, LOST, "a", 10, window=0).state is OFFLINE


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(list(ProviderEventKind)),
        st.sampled_from(["a", "b", "c", "d"]),
        st.floats(0, 20, allow_nan=False),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(EVENTS)
def test_no_story_breaks_a_rule(
    events: list[tuple[ProviderEventKind, str, float]],
) -> None:
    moment, now = Moment(), 0.0
    seen_available: set[str] = set()
    interrupted_until: float | None = None
    for kind, session, wait in events:
        now += wait
        before = moment
        moment = machine.step(before, kind, session, now)
        if kind is AVAILABLE:
            seen_available.add(session)

        # What comes twice counts once.
        assert machine.step(moment, kind, session, now) == moment
        # Old sessions have no say.
        if session in before.old:
            assert moment == machine.expire(before, now)
        # The session that counts is never remembered as over while it is connected.
        if moment.connected:
            assert moment.session is not None
            assert moment.session not in moment.old
        # Nobody is live without something to play and a publisher.
        if moment.state is LIVE:
            assert seen_available
            assert moment.connected
        if moment.state in (CONNECTING, LIVE):
            assert moment.deadline is None
        if moment.state is OFFLINE:
            assert replace(moment, old=()) == Moment()
        # An interruption always ends, and never later than window and grace after its loss.
        if moment.state is INTERRUPTED:
            assert moment.deadline is not None
            assert moment.deadline > now
            if interrupted_until is None:
                interrupted_until = now + machine.WINDOW + machine.CONNECT_GRACE
            assert moment.deadline <= interrupted_until
            assert machine.expire(moment, moment.deadline).state is OFFLINE
        else:
            interrupted_until = None
        assert len(moment.old) <= machine.MAX_OLD


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_silence_after_the_last_loss_is_offline(
    events: list[tuple[ProviderEventKind, str, float]],
) -> None:
    moment, now = Moment(), 0.0
    for kind, session, wait in events:
        now += wait
        moment = machine.step(moment, kind, session, now)
    if moment.connected and moment.session is not None:
        moment = machine.step(moment, LOST, moment.session, now)
    if moment.deadline is not None:
        moment = machine.expire(moment, moment.deadline)
    assert moment.state is OFFLINE
