"""Live status and viewers on the sockets of every page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from metropole_core.channels import Channel
from metropole_core.contracts.provider import ProviderEvent, ProviderEventKind
from tests.core.realtime.conftest import Place, Start
from tests.support.ws_client import Client


def tell(place: Place, channel: Channel, kind: ProviderEventKind) -> None:
    event = ProviderEvent("local", channel.id, kind, "s1")
    place.site.status.tell(channel.ref, event)


async def test_status_goes_to_every_page(place: Place) -> None:
    ann = await place.person()
    home, room = await place.socket(), await place.socket()
    await home.hello()
    welcome = await room.hello(ann.channel.name)
    assert welcome["status"]["state"] == "offline"
    tell(place, ann.channel, ProviderEventKind.CONNECTED)
    tell(place, ann.channel, ProviderEventKind.AVAILABLE)
    for client in (home, room):
        status = await client.expect("status", channel=ann.channel.name, state="live")
        assert status["started_at"] is not None
    await place.site.channels.update(
        ann.channel.id, title="Owls at night", category="Nature", tags=[], description=""
    )
    status = await home.expect("status", title="Owls at night")
    assert (status["state"], status["category"]) == ("live", "Nature")
    until = await place.site.status.end_by_creator(ann.channel.id)
    ended = await home.expect("status", state="offline")
    assert ended["started_at"] is None
    assert ended["viewers"] == 0
    assert ended["ended_by_creator_until"][:19] == until.isoformat()[:19]


async def watch(client: Client, channel: Channel, playing: bool = True) -> None:
    await client.send({"t": "beat", "channel": channel.name, "playing": playing})


async def test_viewers_go_up_and_down(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    name = ann.channel.name
    tell(place, ann.channel, ProviderEventKind.AVAILABLE)
    home = await place.socket()
    await home.hello()
    tabs = [await place.socket(bob), await place.socket(bob)]
    guest = await place.socket()
    for client in (*tabs, guest):
        await client.hello(name)
        await watch(client, ann.channel)
    assert (await home.expect("viewers", channel=name, n=2))["n"] == 2  # people, not tabs
    await watch(tabs[0], ann.channel, playing=False)
    tabs[1].writer.transport.abort()  # as a browser that crashes
    await home.expect("viewers", channel=name, n=1)
    await guest.send({"t": "bye"})
    await home.expect("viewers", channel=name, n=0)
    assert place.site.viewers.count(ann.channel.id) == 0


async def test_who_claims_to_watch_an_offline_channel_is_heard_by_nobody(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    tell(place, bob.channel, ProviderEventKind.AVAILABLE)
    home, guest = await place.socket(), await place.socket()
    for client in (home, guest):
        await client.hello()
    for channel in (ann.channel, bob.channel):
        await watch(guest, channel)
    await home.expect("viewers", channel=bob.channel.name, n=1)
    assert ann.channel.name not in {f["channel"] for f in home.seen if f["t"] == "viewers"}
    assert place.site.viewers.count(ann.channel.id) == 1


async def test_going_live_is_told_without_the_database(start_place: Start) -> None:
    async with start_place() as place:
        ann = await place.person()
        await place.site.channels.update(
            ann.channel.id, title="Owls", category="", tags=[], description=""
        )
        home = await place.socket()
        await home.hello()
        await place.site.db.disconnect()
        tell(place, ann.channel, ProviderEventKind.AVAILABLE)
        status = await home.expect("status", channel=ann.channel.name, state="live")
        assert status["started_at"] is not None
        assert status["title"] == "", "which leaves the page's as it is"
        await place.site.db.connect()


async def test_without_the_database_a_page_comes_back(start_place: Start) -> None:
    async with start_place() as place:
        ann = await place.person()
        client = await place.socket()
        await place.site.db.disconnect()
        await client.send({"t": "hello", "v": 1, "channel": ann.channel.name})
        assert (await client.expect("error"))["code"] == "error"
        assert await client.close_code() == 1011
        await place.site.db.connect()
        assert (await (await place.socket()).hello(ann.channel.name))["chat"]["enabled"]


async def test_a_welcome_is_not_older_than_what_was_told_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await place.person()
    enter = place.site.chat.enter

    async def slow(*args: Any, **more: Any) -> Any:
        tell(place, ann.channel, ProviderEventKind.AVAILABLE)
        return await enter(*args, **more)

    monkeypatch.setattr(place.site.chat, "enter", slow)
    client = await place.socket()
    welcome = await client.hello(ann.channel.name)
    assert welcome["status"]["state"] == "live"
    assert welcome["status"]["started_at"] is not None


async def test_one_tab_less_is_not_one_viewer_less(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    tabs = [await place.socket(bob), await place.socket(bob)]
    for client in tabs:
        await client.hello(ann.channel.name)
        await watch(client, ann.channel)
        await client.say("a frame later, the beat was heard")
    await tabs[0].send({"t": "bye"})
    await tabs[0].close_code()
    assert place.site.viewers.count(ann.channel.id) == 1


async def test_a_page_watches_a_bounded_number_of_channels(place: Place) -> None:
    people = [await place.person() for _ in range(5)]
    guest = await place.socket()
    await guest.hello()
    for person in people:
        await watch(guest, person.channel)
    await guest.say("done")
    counts = [place.site.viewers.count(person.channel.id) for person in people]
    assert counts == [0, 1, 1, 1, 1]


async def test_status_is_not_lost_in_a_storm(place: Place) -> None:
    """Many changes at once: the last one told is how it is."""
    ann = await place.person()
    home = await place.socket()
    await home.hello()
    await asyncio.gather(
        *(
            place.site.channels.update(
                ann.channel.id, title=f"t{n}", category="", tags=[], description=""
            )
            for n in range(20)
        )
    )
    await place.site.events.settle()
    final = (await place.site.channels.get(ann.channel.id)).title
    last = ""
    while last != final:
        last = (await home.expect("status", channel=ann.channel.name))["title"]
