"""Ids, colours, limits, presence, recent messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_core.chat.colours import HUES, Colours, preferred
from metropole_core.chat.limits import Bucket, Caps, SpeakLimits
from metropole_core.chat.messages import ALPHABET, ID_LENGTH, Message, MessageIds
from metropole_core.chat.recent import DELETED_KEPT, KEPT, Recent
from metropole_core.chat.rooms import MAX_LISTED, MAX_TOLD, Presence
from metropole_core.contracts.channels import Person
from metropole_core.testing import FakeClock


@given(st.lists(st.floats(min_value=-5, max_value=100), max_size=200))
def test_ids_grow_whatever_the_clock_does(steps: list[float]) -> None:
    now = [1_767_225_600.0]
    ids = MessageIds(lambda: now[0])
    made = [ids.next()]
    for step in steps:
        now[0] += step
        made.append(ids.next())
    assert made == sorted(set(made))
    assert all(len(i) == ID_LENGTH and set(i) <= set(ALPHABET) for i in made)


def test_ids_sort_by_time_across_processes() -> None:
    clock = FakeClock()
    one, two = MessageIds(clock.time), MessageIds(clock.time)
    made = []
    for _ in range(20):
        clock.advance(0.002)
        made.append(one.next())
        clock.advance(0.002)
        made.append(two.next())
    assert made == sorted(made)


def test_many_ids_in_one_millisecond() -> None:
    ids = MessageIds(FakeClock().time, lambda _bits: 0)
    made = [ids.next() for _ in range(10_000)]
    assert made == sorted(set(made))


# Colours.


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 600)), max_size=800))
def test_colours_are_unique_while_there_is_room(steps: list[tuple[bool, int]]) -> None:
    colours = Colours()
    here: dict[str, int] = {}
    for comes, number in steps:
        key = f"u{number}"
        if comes and (key in here or len(here) < HUES):
            hue = colours.take(key)
            assert here.setdefault(key, hue) == hue  # stable while present
        else:
            colours.release(key)
            here.pop(key, None)
        assert all(0 <= hue < HUES for hue in here.values())
        assert len(set(here.values())) == len(here)


def test_a_full_circle_and_more() -> None:
    colours = Colours()
    hues = [colours.take(f"u{n}") for n in range(HUES)]
    assert sorted(hues) == list(range(HUES))
    assert colours.take("one more") == preferred("one more")
    colours.release("one more")
    assert colours.take("u0") == hues[0]
    colours.release("u5")
    assert colours.take("another") == hues[5]


def test_alone_one_has_the_preferred_colour() -> None:
    colours = Colours()
    assert colours.take("u1") == preferred("u1")
    colours.release("u1")
    assert colours.take("u1") == preferred("u1")


def test_a_small_room_is_far_apart() -> None:
    colours = Colours()
    hues = sorted(colours.take(f"u{n}") for n in range(7))
    gaps = [(b - a) % HUES for a, b in zip(hues, hues[1:] + hues[:1], strict=True)]
    assert min(gaps) >= 24


def test_the_later_one_moves_to_the_nearest() -> None:
    colours = Colours()
    first = colours.take("u1")
    twin = next(f"x{n}" for n in range(100_000) if preferred(f"x{n}") == (first + 3) % HUES)
    assert colours.take(twin) == (first + 24) % HUES
    assert colours.take("u1") == first


# Limits.


def test_bucket() -> None:
    bucket = Bucket(5, 5.0, 0)
    assert [bucket.take(0) for _ in range(6)] == [0, 0, 0, 0, 0, 1.0]
    assert bucket.take(0.5) == pytest.approx(0.5)
    assert bucket.take(1.0) == 0
    assert bucket.take(1.0) > 0
    assert [bucket.take(1000) for _ in range(6)][4:] == [0, 1.0]


@given(st.lists(st.floats(min_value=0, max_value=3), min_size=1, max_size=100))
def test_waiting_as_told_is_enough(pauses: list[float]) -> None:
    bucket, now = Bucket(5, 5.0, 0), 0.0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        if wait:
            now += wait
            assert bucket.take(now) == 0


def test_speak_limits_by_person_and_by_address() -> None:
    clock = FakeClock()
    limits = SpeakLimits(clock.monotonic)
    assert [limits.take("u1", "a") for _ in range(5)] == [0] * 5
    assert limits.take("u1", "a") == 1.0
    others = [limits.take(f"u{n}", "a") for n in range(2, 30)]
    assert others.count(0) == 15  # 20 of one address in all
    assert limits.take("u99", "b") == 0
    assert limits.take("u98", None) == 0
    clock.advance(5)
    assert limits.take("u1", "a") == 0


def test_one_crowded_address_costs_nobody_their_own_messages() -> None:
    clock = FakeClock()
    limits = SpeakLimits(clock.monotonic)
    for n in range(20):
        limits.take(f"u{n}", "crowd")
    assert limits.take("me", "crowd") > 0
    assert [limits.take("me", "home") for _ in range(6)][4:] == [0, 1.0]


def test_buckets_are_bounded() -> None:
    limits = SpeakLimits(FakeClock().monotonic, limit=10)
    for n in range(100):
        limits.take(f"u{n}", "a")
    assert len(limits) == 10


def test_caps() -> None:
    caps = Caps(total=4, per_address=2)
    assert [caps.enter(a) for a in ("a", "a", "a", "b", "c", "d", None)] == [
        True,
        True,
        False,
        True,
        True,
        False,
        False,
    ]
    caps.leave("a")
    assert len(caps) == 3
    assert caps.enter("a") is not False
    caps.leave("b")
    assert caps.enter(None)
    assert not caps.enter(None)


# Presence.


def account(number: int) -> Person:
    return Person(f"u{number}", number, f"Person {number}")


def guest(number: int) -> Person:
    return Person(f"g{number}", None, f"Guest {number}")


def test_several_sockets_are_one_presence() -> None:
    presence = Presence()
    first = presence.enter(account(1))
    assert presence.enter(account(1)) == first
    change = presence.take_change()
    assert change is not None
    assert (change.joined, change.left, change.count) == ((first,), (), 1)
    presence.leave("u1")
    assert presence.take_change() is None
    presence.leave("u1")
    presence.leave("u1")  # once too often
    assert len(presence) == 0
    change = presence.take_change()
    assert change is not None
    assert (change.joined, change.left, change.count) == ((), ("u1",), 0)
    assert presence.is_empty


def test_a_reload_is_no_news_and_keeps_the_colour() -> None:
    presence = Presence()
    hue = presence.enter(account(1)).hue
    presence.take_change()
    presence.leave("u1")
    presence.enter(account(2))
    assert presence.enter(account(1)).hue == hue
    change = presence.take_change()
    assert change is not None
    assert ([p.key for p in change.joined], change.left, change.count) == (["u2"], (), 2)


def test_a_short_look_is_no_news() -> None:
    presence = Presence()
    presence.enter(account(1))
    presence.leave("u1")
    assert presence.take_change() is None
    assert presence.is_empty


def test_guests_count_and_have_no_line() -> None:
    presence = Presence()
    presence.enter(guest(1))
    presence.enter(account(1))
    assert [p.key for p in presence.listed()] == ["u1"]
    change = presence.take_change()
    assert change is not None
    assert ([p.key for p in change.joined], change.count) == (["u1"], 2)
    presence.leave("g1")
    change = presence.take_change()
    assert change is not None
    assert (change.joined, change.left, change.count) == ((), (), 1)


def test_lists_of_people_are_bounded() -> None:
    presence = Presence()
    for n in range(500):
        presence.enter(account(n))
    assert len(presence.listed()) == MAX_LISTED
    change = presence.take_change()
    assert change is not None
    assert (len(change.joined), change.count) == (MAX_TOLD, 500)
    for n in range(500):
        presence.leave(f"u{n}")
    change = presence.take_change()
    assert change is not None
    assert (len(change.left), change.count) == (MAX_TOLD, 0)
    assert presence.is_empty


@given(st.lists(st.tuples(st.sampled_from(["in", "out", "tell"]), st.integers(0, 5)), max_size=100))
def test_told_changes_add_up(steps: list[tuple[str, int]]) -> None:
    presence = Presence()
    sockets = dict.fromkeys(range(6), 0)
    told: set[str] = set()
    for what, number in [*steps, ("tell", 0)]:
        if what == "in":
            presence.enter(account(number))
            sockets[number] += 1
        elif what == "out":
            presence.leave(f"u{number}")
            sockets[number] = max(0, sockets[number] - 1)
        elif (change := presence.take_change()) is not None:
            assert told.isdisjoint(p.key for p in change.joined)
            assert told >= set(change.left)
            told |= {p.key for p in change.joined}
            told -= set(change.left)
            assert change.count == len(told)
    assert told == {f"u{n}" for n, count in sockets.items() if count}


# Recent messages.


def message(number: int) -> Message:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Message(f"{number:016d}", "Ann", "u1", 0, "viewer", "hi", at)


def ids(messages: list[Message]) -> list[int]:
    return [int(m.id) for m in messages]


def test_recent_is_bounded_and_in_order() -> None:
    recent = Recent()
    for n in range(200):
        recent.add(message(n))
    assert ids(recent.after(None)) == list(range(200 - KEPT, 200))
    assert ids(recent.after(message(197).id)) == [198, 199]
    assert recent.after(message(199).id) == []
    assert ids(recent.after(message(3).id)) == list(range(200 - KEPT, 200))
    for n in range(300):
        recent.delete(f"{n:016d}")
    assert recent.after(None) == []
    assert len(recent.deleted()) == DELETED_KEPT


def test_what_comes_while_it_is_filled_is_kept_once() -> None:
    recent = Recent()
    recent.add(message(5))
    recent.add(message(6))
    recent.delete(message(3).id)
    recent.fill([message(n) for n in range(2, 6)], [message(1).id])
    assert ids(recent.after(None)) == [2, 4, 5, 6]
    assert [int(i) for i in recent.deleted()] == [1, 3]


def test_after_a_message_that_was_deleted() -> None:
    recent = Recent()
    recent.fill([message(n) for n in range(5)], [])
    recent.delete(message(2).id)
    assert ids(recent.after(message(2).id)) == [3, 4]
