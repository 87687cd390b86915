"""Whoever owns one channel gets no farther on another: by its name, its number, its pictures and
its messages, in the address, in the form, in JSON and in headers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.security.matrix import ONLY_OWNER_DOES, ROWS, Row
from tests.security.roles import Cast, changed
from tests.security.test_matrix import Talk, picture

JSON = {"Accept": "application/json"}
DASHBOARD = [
    row for row in ROWS
    if row.method == "POST" and row.rule.startswith("/dashboard/<name>")
]  # fmt: skip


def filled(row: Row, name: str) -> str:
    return row.rule.replace("<name>", name).replace("<mode>", "pace")


def pointers(people: Cast) -> dict[str, str]:
    """Every field by which a form could point at another's channel."""
    theirs, me = people.channel, people.users["rival"]
    return {
        "id": str(theirs.id),
        "channel": theirs.name,
        "channel_id": str(theirs.id),
        "name": theirs.name,
        "owner": "owner",
        "owner_id": str(me.id),
        "user_id": str(people.users["owner"].id),
        "csrf_user": "owner",
        "thumbnail": "thumb.webp",
    }


def theirs(people: Cast, holds: dict[str, Any]) -> dict[str, Any]:
    """What the site holds of the channel `owner`: those rows that begin with its number."""
    number = people.channel.id
    owned = ("channels", "stream_keys", "chat_modes", "channel_limits", "live_status")
    found = {
        part: [row for row in holds.get(part, []) if row.startswith(f"({number},")]
        for part in owned
    }
    assert found["channels"]
    assert found["stream_keys"]
    return {**found, "on air": holds["on air"]}


@pytest.mark.parametrize("row", DASHBOARD, ids=lambda row: row.rule)
@pytest.mark.parametrize("role", ["rival", "admin"])
async def test_another_channel_by_any_name(people: Cast, row: Row, role: str) -> None:
    assert row.answers["rival"] == ONLY_OWNER_DOES["rival"]
    someone = await people.come(role)
    number = people.channel.id
    key = await people.house.site.channels.stream_key(number)
    form = {"confirm": "yes", "enabled": "on", "s-seconds": "7", "title": "Mine", **row.form}
    before = people.holds()
    for name in ("owner", "OWNER", "Owner", "owner%20", f"{number}", "rival/../owner",
                 "owner%00", "owner%2F", ".", "%2e%2e", "rival%2f..%2fowner"):  # fmt: skip
        files = {"picture": picture(3)} if row.picture else None
        for headers in ({}, JSON):
            answer = await someone.ask("POST", filled(row, name), form, files=files,
                                       headers=headers)  # fmt: skip
            assert answer.status_code in (308, 404, 405), f"{name}: {answer.status}"
            assert key not in (await answer.get_data()).decode()
            answer = await someone.ask("POST", filled(row, name), json=form, headers=headers)
            assert answer.status_code in (308, 404, 405), f"{name}: {answer.status}"
    assert not changed(before, people.holds())


@pytest.mark.parametrize("row", DASHBOARD, ids=lambda row: row.rule)
async def test_ones_own_form_that_points_at_another(people: Cast, row: Row) -> None:
    """It is about the channel in the address, whatever else is sent."""
    someone = await people.come("rival")
    key = await people.house.site.channels.stream_key(people.channel.id)
    before = theirs(people, people.holds())
    form = {**pointers(people), "confirm": "yes", "enabled": "on", "s-seconds": "9"}
    query = "?" + "&".join(f"{name}={value}" for name, value in pointers(people).items())
    sent_by = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/dashboard/owner/key",
               "X-Rewrite-URL": "/dashboard/owner/key", "X-User-Id": "1"}  # fmt: skip
    path = filled(row, "rival")
    for address, headers in ((path, {}), (path + query, {}), (path, JSON), (path, sent_by)):
        files = {"picture": picture(4)} if row.picture else None
        answers = [
            await someone.ask("POST", address, form, files=files, headers=headers),
            await someone.ask("POST", address, json=form, headers=headers),
        ]
        for answer in answers:
            assert answer.status_code < 500
            assert key not in (await answer.get_data()).decode()
    assert theirs(people, people.holds()) == before


async def test_nobody_becomes_more_than_they_are_by_a_form(people: Cast) -> None:
    """Fields of an account or a channel that no form has are not taken from one either."""
    someone = await people.come("guest")
    form = {
        "name": "climber",
        "password": "four random little words",
        "is_admin": "1",
        "admin": "on",
        "role": "admin",
        "state": "active",
        "may_stream": "1",
        "id": "1",
        "user_id": str(people.users["admin"].id),
        "owner_id": str(people.users["admin"].id),
    }
    answer = await someone.ask("POST", "/signup", form)
    assert answer.status_code == 303
    made = await people.house.site.accounts.by_name("climber")
    assert made is not None
    assert not made.is_admin
    assert made.id != 1
    rival = await people.come("rival")
    await rival.ask("POST", "/new-channel", {**form, "name": "climbers_place"})
    channel = await people.house.site.channels.by_name("climbers_place")
    assert channel is not None
    assert channel.owner_id == people.users["rival"].id


async def test_the_tokens_of_one_session_open_no_other(people: Cast) -> None:
    """A form token of one's own session does not go with the cookie of another."""
    rival, owner = await people.come("rival"), await people.come("owner")
    before = people.holds()
    for someone, token in ((owner, await rival.csrf()), (rival, await owner.csrf())):
        answer = await someone.ask("POST", "/dashboard/owner/details", {"title": "x"}, csrf=token)
        assert answer.status_code == 403
    assert not changed(before, people.holds())


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "0", "null", "a" * 128, "a" * 5000, "%00", "' OR 1=1 --", "\u2603", "u1",
     "../../etc/passwd"],
)  # fmt: skip
async def test_a_session_that_was_made_up_is_none(people: Cast, cookie: str) -> None:
    client = people.house.app.test_client()
    for name in ("metropole_session", "__Host-metropole_session", "session"):
        answer = await client.get("/dashboard", headers={"Cookie": f"{name}={cookie}"})
        assert (answer.status_code, answer.headers["Location"][:7]) == (303, "/signin")


async def test_the_hash_of_a_session_is_no_session(people: Cast) -> None:
    """Who reads the database cannot sign in with what stands there."""
    token = (await people.come("owner")).token
    assert token is not None
    keys = people.house.site.keys
    hashes = [line.split(",")[1].strip(" '") for line in people.holds()["sessions"]]
    assert keys.hash("session", token) in hashes
    assert token not in str(people.holds())
    client = people.house.app.test_client()
    for hashed in hashes:
        client.set_cookie("localhost", "metropole_session", hashed)
        assert (await client.get("/dashboard")).status_code == 303


async def test_messages_of_another_room(people: Cast) -> None:
    """The owner of one room deletes nothing in another, not even from the own room."""
    site = people.house.site
    rivals_room = await site.channels.by_name("rival")
    assert rivals_room is not None
    said = await site.chat.say(
        people.channel.id, people.users["follower"], "Nobody takes this back", address=None
    )
    rival = await people.come("rival")
    for room in ("rival", "owner"):
        async with Talk(people, rival) as talk:
            await talk.ask({"t": "hello", "v": 1, "channel": room}, "welcome")
            for each in (said.message.id, said.message.id.upper(), "%", "", "1"):
                answer = await talk.answer({"t": "delete", "id": each, "nonce": "n"})
                assert answer.startswith("refused"), f"{room}: {each}"
            # Fields that no message has are left alone.
            answer = await talk.answer(
                {"t": "delete", "id": said.message.id, "nonce": "n", "channel": "rival",
                 "user_id": people.users["owner"].id, "is_admin": True}
            )  # fmt: skip
            assert answer.startswith("refused")
    history = await site.chat.history(people.channel.id)
    assert said.message.id in [each.id for each in history]


async def test_nobody_speaks_in_anothers_name(people: Cast) -> None:
    rival = await people.come("rival")
    people.house.site.chat._limits._buckets.clear()
    async with Talk(people, rival) as talk:
        await talk.ask({"t": "hello", "v": 1, "channel": "owner", "user_id": 1,
                        "key": "u1", "role": "owner"}, "welcome")  # fmt: skip
        answer = await talk.answer(
            {"t": "say", "text": "It was me", "nonce": "n", "name": "owner", "key": "u1",
             "role": "owner", "user_id": people.users["owner"].id, "channel": "rival"}
        )  # fmt: skip
        assert answer == "accepted"
    last = (await people.house.site.chat.history(people.channel.id))[-1]
    assert last.text == "It was me"
    assert last.key == f"u{people.users['rival'].id}"
    assert last.role == "viewer"
