"""Who may publish, and what becomes of them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from metropole_core.contracts.events import LiveState
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.registry import Registry
from metropole_core.streams import publishing as publishing_module
from metropole_core.testing import FakeClock
from tests.core.streams.conftest import House, send


async def test_from_the_key_to_live(house: House) -> None:
    channel = await house.channel()
    grant, handle = await house.publish(channel)
    assert grant.channel == channel.ref
    assert house.status.state(channel.id).state is LiveState.CONNECTING
    house.provider.available[channel.id]()
    await house.settled()
    assert house.status.state(channel.id).state is LiveState.LIVE
    handle.detach()
    grant.publication.ended()
    grant.publication.lost("counts no more")
    await house.settled()
    assert house.states() == ["connecting", "live", "offline"]
    assert house.provider.ended == [channel.id]
    assert grant.stream.ended


async def test_a_wrong_key_is_refused_and_never_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for key in ("mp_wrongwrongwrong", "", "x" * 300, "🎥"):
        refusal = await house.refused(key)
        assert refusal.code == "bad_key"
        assert "dashboard" in refusal.sentence
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    await house.publish(channel)
    assert (await house.refused(key)).code == "already_live"
    assert key not in caplog.text
    assert "mp_wrongwrongwrong" not in caplog.text


async def test_wrong_keys_are_counted_by_address(house: House, clock: FakeClock) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    for number in range(publishing_module.FAILURES):
        # All of a /64 is one address.
        assert (await house.refused("wrong", f"2001:db8::{number:x}")).code == "bad_key"
    blocked = await house.refused(key, "2001:db8::ffff")
    assert blocked.code == "rate_limited"
    assert blocked.retry_after == pytest.approx(60)
    assert (await house.refused("wrong", "2001:db8:0:1::1")).code == "bad_key"
    clock.advance(60)
    assert isinstance(await house.publishing.open("rtmp", key, "2001:db8::1"), Grant)


async def test_wrong_keys_through_a_proxy_on_this_machine_keep_nobody_out(house: House) -> None:
    channel = await house.channel()
    for _ in range(publishing_module.FAILURES + 1):
        assert (await house.refused("wrong", "127.0.0.1")).code == "bad_key"
    await house.publish(channel, "127.0.0.1")


async def test_good_keys_do_not_count(house: House) -> None:
    channel = await house.channel()
    for _ in range(publishing_module.FAILURES + 5):
        grant, handle = await house.publish(channel)
        handle.detach()
        grant.publication.ended()


async def test_of_two_at_once_one_is_let_in(house: House) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    answers = await asyncio.gather(
        *(house.publishing.open("rtmp", key, f"192.0.2.{n}") for n in range(5))
    )
    assert sum(isinstance(answer, Grant) for answer in answers) == 1
    codes = {answer.code for answer in answers if isinstance(answer, Refusal)}
    assert codes == {"already_live"}


async def test_a_silent_publisher_is_replaced(house: House, clock: FakeClock) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    grant, handle = await house.go_live(channel)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    clock.advance(3)
    send(handle, 3000)
    clock.advance(4.9)
    refusal = await house.refused(key)
    assert refusal.code == "already_live"
    assert refusal.retry_after == pytest.approx(0.1)
    clock.advance(0.1)
    newer, newer_handle = await house.publish(channel)
    assert newer.stream is grant.stream
    assert sentences == ["A newer connection with the same key took over."]
    grant.publication.lost("the old connection broke")
    send(newer_handle)
    await house.settled()
    assert house.states() == ["connecting", "live"]
    assert house.status.state(channel.id).state is LiveState.LIVE


async def test_a_publisher_that_does_not_leave_keeps_its_place(
    house: House, clock: FakeClock
) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    grant = await house.publishing.open("rtmp", key, "192.0.2.1")
    assert isinstance(grant, Grant)
    grant.stream.attach()  # and no `on_cut`
    clock.advance(6)
    assert (await house.refused(key)).code == "already_live"


async def test_coming_back_is_live_with_the_first_packet(house: House, clock: FakeClock) -> None:
    channel = await house.channel()
    grant, handle = await house.go_live(channel)
    handle.detach()
    grant.publication.lost("network")
    clock.advance(5)
    again, handle = await house.publish(channel)
    assert again.stream is grant.stream
    assert house.status.state(channel.id).state is LiveState.INTERRUPTED
    send(handle)
    assert house.status.state(channel.id).state is LiveState.LIVE
    await house.settled()
    assert house.states() == ["connecting", "live", "interrupted", "live"]
    broadcasts = {change.broadcast_id for change in house.changes[1:]}
    assert len(broadcasts) == 1
    assert [type(each).__name__ for each in again.stream._subscribers] == ["Meter"]


async def test_a_new_key_refuses_the_old_one_and_cuts(house: House) -> None:
    channel = await house.channel()
    old = await house.channels.stream_key(channel.id)
    grant, _ = await house.go_live(channel)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    new = await house.channels.rotate_key(channel.id)
    assert sentences == ["The stream key was changed."]
    assert not grant.stream.stats.publisher
    assert (await house.refused(old)).code == "bad_key"
    await house.settled()
    assert house.status.state(channel.id).state is LiveState.INTERRUPTED
    await house.publish(channel, key=new)


async def test_who_is_cut_already_is_told_at_once(house: House) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    grant = await house.publishing.open("rtmp", key, "192.0.2.1")
    assert isinstance(grant, Grant)
    house.publishing.cut(channel.id, "enough")
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    assert sentences == ["enough"]


async def test_a_key_changed_during_the_look_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await house.channel()
    old = await house.channels.stream_key(channel.id)
    refused_until = house.channels.refused_until
    rotated = False

    async def slow(channel_id: int) -> Any:
        nonlocal rotated
        if not rotated:
            rotated = True
            await house.channels.rotate_key(channel_id)
        return await refused_until(channel_id)

    monkeypatch.setattr(house.channels, "refused_until", slow)
    assert (await house.refused(old)).code == "bad_key"


async def test_the_creator_ends_the_broadcast(house: House, clock: FakeClock) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    grant, handle = await house.go_live(channel)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    until = await house.status.end_by_creator(channel.id)
    assert until.timestamp() == pytest.approx(clock.time() + 60)
    assert sentences == ["The broadcast was ended on the creator's page."]
    assert grant.stream.ended
    assert handle.detached
    await house.settled()
    assert house.states() == ["connecting", "live", "offline"]
    clock.advance(20)
    refusal = await house.refused(key)
    assert refusal.code == "ended_by_creator"
    assert refusal.retry_after == pytest.approx(40)
    clock.advance(40)
    await house.publish(channel)


async def test_a_database_that_is_away_lets_nobody_in(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    await house.db.disconnect()
    refusal = await house.refused(key)
    await house.db.connect()
    assert refusal.code == "unavailable"
    assert refusal.retry_after is not None
    assert key not in caplog.text


async def test_without_a_provider_nobody_can_publish(house: House) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    house.registry.drop("memory")
    refusal = await house.refused(key)
    assert refusal.code == "unavailable"
    assert "No streaming provider is installed" in refusal.sentence
    assert house.status.state(channel.id).state is LiveState.OFFLINE


async def test_a_provider_that_fails_lets_nobody_in(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    monkeypatch.setattr(house.provider, "open", lambda channel, available: 1 / 0)
    assert (await house.refused(key)).code == "unavailable"
    assert "provider memory could not open lab_one" in caplog.text


async def test_a_provider_may_be_available_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await house.channel()
    opened = house.provider.open

    def eager(ref: Any, available: Any) -> Any:
        available()
        return opened(ref, available)

    monkeypatch.setattr(house.provider, "open", eager)
    await house.publish(channel)
    await house.settled()
    assert house.states() == ["connecting", "live"]


async def test_a_running_broadcast_stays_at_its_provider(house: House) -> None:
    channel = await house.channel()
    grant, handle = await house.go_live(channel)
    handle.detach()
    grant.publication.lost("network")
    other: Registry = house.registry
    first = type(house.provider)(house.clock, "a_first")
    other.add("first", "register_provider", first)
    again, _ = await house.publish(channel)
    assert again.stream is grant.stream


async def test_who_comes_back_as_the_window_ends_begins_a_new_broadcast(
    house: House, clock: FakeClock
) -> None:
    channel = await house.channel()
    grant, handle = await house.go_live(channel)
    handle.detach()
    grant.publication.lost("network")
    # The time is over, and its timer has not come round yet.
    clock.advance(30)
    assert house.status.state(channel.id).state is LiveState.INTERRUPTED
    again, handle = await house.publish(channel)
    assert grant.stream.ended
    assert not again.stream.ended
    send(handle)
    house.provider.available[channel.id]()
    await house.settled()
    assert house.states() == ["connecting", "live", "interrupted", "offline", "connecting", "live"]
    again.publication.ended()
    assert house.status.state(channel.id).state is LiveState.OFFLINE


async def test_a_silent_publisher_that_nobody_can_replace_is_lost(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    await house.go_live(channel)
    clock.advance(publishing_module.SILENCE)
    monkeypatch.setattr(house.provider, "open", lambda channel, available: 1 / 0)
    assert (await house.refused(key)).code == "unavailable"
    assert house.status.state(channel.id).state is LiveState.INTERRUPTED
