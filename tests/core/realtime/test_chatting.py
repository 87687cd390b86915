"""People chat over real sockets on a real port."""

from __future__ import annotations

import asyncio
from typing import Any

from metropole_core.realtime.connection import RECHECK_SECONDS, Connection
from tests.core.realtime.conftest import Place, Start, until


async def test_history_on_join_and_only_newer_ones_on_return(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    room = ann.channel.name
    speaker = await place.socket(ann)
    assert (await speaker.hello(room))["history"] == []
    ids = [(await speaker.say(f"message {n}"))["id"] for n in range(3)]
    assert ids == sorted(ids)

    reader = await place.socket(bob)
    welcome = await reader.hello(room)
    assert [(m["id"], m["text"]) for m in welcome["history"]] == [
        (ids[n], f"message {n}") for n in range(3)
    ]
    first = welcome["history"][0]
    assert (first["name"], first["key"], first["role"]) == (
        ann.user.display_name,
        f"u{ann.user.id}",
        "owner",
    )
    again = await place.socket(bob)
    back = await again.hello(room, after=ids[1])
    assert [m["id"] for m in back["history"]] == [ids[2]]
    third = await place.socket(bob)
    assert (await third.hello(room, after=ids[2]))["history"] == []


async def test_history_survives_an_empty_room(place: Place) -> None:
    ann = await place.person()
    async with place.open(ann) as speaker:
        await speaker.hello(ann.channel.name)
        said = await speaker.say("still here?")
    await until(lambda: ann.channel.id not in place.site.chat._rooms)
    guest = await place.socket()
    welcome = await guest.hello(ann.channel.name)
    assert [m["id"] for m in welcome["history"]] == [said["id"]]
    assert await place.site.chat.history(ann.channel.id, 50)


async def test_two_people_see_each_others_messages_once(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    a, b = await place.socket(ann), await place.socket(bob)
    hue_a = (await a.hello(ann.channel.name))["you"]["hue"]
    hue_b = (await b.hello(ann.channel.name))["you"]["hue"]
    assert hue_a != hue_b
    text = "<script>alert('x')</script> & schön 🦉"
    one, two = await asyncio.gather(a.say(text), b.say("me too"))
    assert (one["t"], two["t"]) == ("accepted", "accepted")
    assert one["wait"] is None
    for client in (a, b):
        for said in (one, two):
            await client.message(said["id"])
        got = {f["id"]: f for f in client.seen if f["t"] == "msg"}
        assert got[one["id"]]["text"] == text
        assert got[one["id"]]["hue"] == hue_a
        assert got[one["id"]]["at"].endswith("Z")
        assert got[two["id"]]["role"] == "viewer"
        assert client.kinds().count("msg") == 2


async def test_a_burst_arrives_whole_and_in_order(place: Place) -> None:
    """Messages that come close together share writes."""
    owner = await place.person()
    crowd = [await place.person() for _ in range(5)]
    reader = await place.socket()
    await reader.hello(owner.channel.name)
    sockets = [await place.socket(each) for each in crowd]
    for each in sockets:
        await each.hello(owner.channel.name)

    async def talk(client: Any) -> list[str]:
        return [(await client.say(f"number {n}"))["id"] for n in range(5)]

    ids = {i for said in await asyncio.gather(*map(talk, sockets)) for i in said}
    while sum(f["t"] == "msg" for f in reader.seen) < 25:
        await reader.receive()
    got = [f["id"] for f in reader.seen if f["t"] == "msg"]
    assert got == sorted(ids)


async def test_guests_read_and_are_told_why(place: Place) -> None:
    ann = await place.person()
    guest = await place.socket(cookies={"metropole_guest": "abcdefghijklmnopqrstuv"})
    welcome = await guest.hello(ann.channel.name)
    assert welcome["you"]["name"].startswith("Guest ")
    assert welcome["you"]["role"] == "guest"
    assert welcome["you"]["user_id"] is None
    assert (welcome["can_speak"], welcome["why"]) == (False, "Sign in to chat.")
    refused = await guest.say("hello?")
    assert (refused["t"], refused["code"]) == ("refused", "not_signed_in")
    other = await place.socket(cookies={"metropole_guest": "abcdefghijklmnopqrstuv"})
    assert (await other.hello(ann.channel.name))["you"] == welcome["you"]


async def test_the_creator_switches_the_chat_off_and_on(place: Place) -> None:
    ann = await place.person()
    client = await place.socket(ann)
    welcome = await client.hello(ann.channel.name)
    assert welcome["can_speak"]
    assert welcome["chat"]["enabled"]
    await place.site.channels.set_chat_enabled(ann.channel.id, False)
    assert (await client.expect("chat"))["enabled"] is False
    assert (await client.say("anyone?"))["code"] == "chat_off"
    late = await place.socket(ann)
    welcome = await late.hello(ann.channel.name)
    assert not welcome["can_speak"]
    assert "switched off" in welcome["why"]
    await place.site.channels.set_chat_enabled(ann.channel.id, True)
    assert (await client.expect("chat"))["enabled"] is True
    assert (await client.say("back"))["t"] == "accepted"


async def test_slow_mode_refuses_with_a_time_and_spares_the_owner(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    a, b = await place.socket(ann), await place.socket(bob)
    await a.hello(ann.channel.name)
    await b.hello(ann.channel.name)
    await place.site.chat.set_mode(
        ann.channel.id, "slow", enabled=True, settings={"interval_s": 30}
    )
    told = await b.expect("chat")
    assert told["modes"] == [{"name": "slow", "sentence": "Slow: one message every 30 s"}]
    said = await b.say("first")
    assert (said["t"], said["wait"]) == ("accepted", 30)
    refused = await b.say("second")
    assert (refused["t"], refused["code"]) == ("refused", "slow")
    assert 25 < refused["retry_after"] <= 30
    for text in ("I", "own", "this"):
        assert (await a.say(text))["wait"] is None
    await place.site.chat.set_mode(ann.channel.id, "slow", enabled=False, settings={})
    assert (await b.expect("chat"))["modes"] == []
    assert (await b.say("second"))["t"] == "accepted"


async def test_two_tabs_at_once_do_not_pass_slow_mode_twice(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    await place.site.chat.set_mode(ann.channel.id, "slow", enabled=True, settings={})
    tabs = [await place.socket(bob) for _ in range(2)]
    for tab in tabs:
        await tab.hello(ann.channel.name)
    answers = await asyncio.gather(*(tab.say("now") for tab in tabs))
    assert sorted(answer["t"] for answer in answers) == ["accepted", "refused"]


async def test_rate_limit(place: Place) -> None:
    ann = await place.person()
    client = await place.socket(ann)
    await client.hello(ann.channel.name)
    answers = [await client.say(f"{n}") for n in range(7)]
    kinds = [answer["t"] for answer in answers]
    assert kinds[:5] == ["accepted"] * 5
    assert kinds[-1] == "refused"
    assert answers[-1]["code"] == "rate_limit"
    assert 0 < answers[-1]["retry_after"] <= 1


async def test_what_cannot_be_said(place: Place) -> None:
    ann = await place.person()
    client = await place.socket(ann)
    await client.hello(ann.channel.name)
    assert (await client.say(" \u200b\u202e "))["code"] == "empty"
    assert (await client.say("x" * 501))["code"] == "too_long"
    said = await client.say("  a\u202e \n b  ")
    assert (await client.message(said["id"]))["text"] == "a b"


async def test_the_owner_deletes_a_message_for_everyone(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    a, b = await place.socket(ann), await place.socket(bob)
    await a.hello(ann.channel.name)
    await b.hello(ann.channel.name)
    said = await b.say("buy my things")
    await b.send({"t": "delete", "id": said["id"], "nonce": "d"})
    assert (await b.expect("refused", nonce="d"))["code"] == "forbidden"
    await a.send({"t": "delete", "id": said["id"], "nonce": "d"})
    assert (await b.expect("deleted"))["ids"] == [said["id"]]
    assert (await a.expect("deleted"))["ids"] == [said["id"]]
    await a.send({"t": "delete", "id": said["id"], "nonce": "e"})
    assert (await a.expect("refused", nonce="e"))["code"] == "not_found"
    late = await place.socket()
    assert (await late.hello(ann.channel.name))["history"] == []
    back = await place.socket()
    welcome = await back.hello(ann.channel.name, after=said["id"])
    assert welcome["deleted"] == [said["id"]]


async def test_administrators_delete_too(place: Place) -> None:
    ann, admin = await place.person(), await place.person(is_admin=True)
    a, b = await place.socket(ann), await place.socket(admin)
    await a.hello(ann.channel.name)
    await b.hello(ann.channel.name)
    said = await a.say("oops")
    await b.send({"t": "delete", "id": said["id"], "nonce": "d"})
    await a.expect("deleted", ids=[said["id"]])


async def test_people_come_and_go_by_person(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    watcher = await place.socket(ann)
    assert (await watcher.hello(ann.channel.name))["people"] == 1
    tabs = [await place.socket(bob) for _ in range(2)]
    for tab in tabs:
        await tab.hello(ann.channel.name)
    key = f"u{bob.user.id}"
    join = await watcher.expect("join", n=2)
    assert [p["key"] for p in join["people"] if p["key"] == key] == [key]
    async with place.open() as guest:
        assert [p["key"] for p in (await guest.hello(ann.channel.name))["here"]] == [
            f"u{ann.user.id}",
            key,
        ]
        assert (await watcher.expect("join", n=3))["people"] == []
    await watcher.expect("join", n=2)
    await tabs[0].send({"t": "bye"})
    assert await tabs[0].close_code() == 1000
    await tabs[1].send({"t": "bye"})
    assert (await watcher.expect("leave"))["keys"] == [key]
    assert watcher.kinds().count("leave") == 1


async def test_signing_out_closes_that_sessions_sockets(place: Place) -> None:
    ann = await place.person()
    here = await place.socket(ann)
    await here.hello(ann.channel.name)
    guest = await place.socket()
    await guest.hello(ann.channel.name)
    await place.site.accounts.sign_out(ann.token)
    assert await here.close_code() == 4001
    back = await place.socket(ann)
    assert (await back.hello(ann.channel.name))["you"]["role"] == "guest"
    assert (await guest.say("x"))["t"] == "refused"  # still open


async def test_on_both_databases(start_place: Start, db_url: str) -> None:
    async with start_place(db_url) as place:
        ann = await place.person()
        client = await place.socket(ann)
        await client.hello(ann.channel.name)
        said = await client.say("grüße 🦉")
        assert said["t"] == "accepted"
        stored = await place.site.chat._store.history(ann.channel.id, 50)
        assert [(m.id, m.text) for m in stored] == [(said["id"], "grüße 🦉")]
        await place.site.chat.set_mode(ann.channel.id, "slow", enabled=True, settings={})
        states = await place.site.chat.modes(ann.channel.id)
        assert [(s.mode.name, s.enabled) for s in states] == [("slow", True)]


async def test_a_session_that_ended_elsewhere_is_noticed_when_one_speaks(place: Place) -> None:
    ann = await place.person()
    client = await place.socket(ann)
    await client.hello(ann.channel.name)
    await place.site.db.execute("DELETE FROM sessions WHERE user_id = :id", {"id": ann.user.id})
    (member,) = (m for m in place.gate.hub if isinstance(m, Connection) and m.who.user == ann.user)
    member._checked_at -= RECHECK_SECONDS
    await client.send({"t": "say", "text": "not me any more", "nonce": "n"})
    assert await client.close_code() == 4001
    assert await place.site.chat.history(ann.channel.id) == []


async def test_a_database_that_is_gone_refuses_in_words_and_charges_nobody(
    start_place: Start,
) -> None:
    async with start_place() as place:
        ann, bob = await place.person(), await place.person()
        await place.site.chat.set_mode(ann.channel.id, "slow", enabled=True, settings={})
        client = await place.socket(bob)
        await client.hello(ann.channel.name)
        await place.site.db.execute("ALTER TABLE chat_messages RENAME TO away")
        refused = await client.say("anyone?")
        assert (refused["t"], refused["code"]) == ("refused", "chat_unavailable")
        assert refused["retry_after"]
        assert refused["reason"] == (
            "The chat cannot keep messages right now. Try again in a moment."
        )
        await place.site.db.execute("ALTER TABLE away RENAME TO chat_messages")
        assert (await client.say("anyone?"))["wait"] == 10
