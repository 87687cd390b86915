"""Who is blocked, waits, or was signed out elsewhere, on the socket."""

from __future__ import annotations

from typing import Any

from metropole_core.accounts.people import People
from metropole_core.accounts.sessions import Sessions
from metropole_core.db.tables import users


async def test_a_block_closes_the_sockets_at_once(place: Any) -> None:
    ann = await place.person()
    first, second = await place.socket(ann), await place.socket(ann)
    guest = await place.socket()
    for each in (first, second, guest):
        await each.hello(ann.channel.name)
    await place.site.people.block(ann.user.id, by=None)
    assert await first.close_code() == 4001
    assert await second.close_code() == 4001
    assert (await guest.say("x"))["t"] == "refused"  # still open
    back = await place.socket(ann)
    assert (await back.hello(ann.channel.name))["you"]["role"] == "guest"


async def test_a_block_by_another_process_closes_them_at_the_next_look(place: Any) -> None:
    ann, bob = await place.person(), await place.person()
    a, b = await place.socket(ann), await place.socket(bob)
    for each in (a, b):
        await each.hello(ann.channel.name)
    site = place.site
    elsewhere = Sessions(site.db, site.keys, site.clock)
    await People(site.db, channels=site.channels, sessions=elsewhere).block(ann.user.id, by=None)
    await site.looks.once()
    assert await a.close_code() == 4001
    assert (await b.say("still here"))["t"] == "accepted"


async def test_who_waits_is_a_guest(place: Any) -> None:
    ann = await place.person()
    await place.site.db.execute(
        users.update().where(users.c.id == ann.user.id).values(state="pending")
    )
    client = await place.socket(ann)
    welcome = await client.hello(ann.channel.name)
    assert welcome["you"]["role"] == "guest"
    assert not welcome["can_speak"]
    assert (await client.say("let me in"))["code"] == "not_signed_in"
