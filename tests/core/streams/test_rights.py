"""Who may not stream is refused in words, and cut off when the right is taken away."""

from __future__ import annotations

import pytest

from metropole_core.accounts.people import People
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.errors import DatabaseAway
from tests.core.streams.conftest import House


async def test_without_the_right_a_good_key_is_refused(house: House) -> None:
    channel = await house.channel()
    await house.people.set_streaming(channel.owner_id, False, by=None)
    key = await house.channels.stream_key(channel.id)
    for _ in range(25):  # it is a good key: nobody is taken for a guesser
        refusal = await house.refused(key)
        assert refusal.code == "not_allowed"
    assert "decides who streams" in refusal.sentence
    await house.people.set_streaming(channel.owner_id, True, by=None)
    await house.publish(channel)


async def test_the_right_taken_away_ends_the_broadcast(house: House) -> None:
    channel, other = await house.channel(), await house.channel("lab_two")
    grant, _ = await house.go_live(channel)
    _, kept = await house.go_live(other)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    await house.people.set_streaming(channel.owner_id, False, by=None)
    assert len(sentences) == 1
    assert "decides who streams" in sentences[0]
    await house.settled()
    assert house.status.state(channel.id).state == "offline"
    assert house.status.state(other.id).state == "live"
    assert kept is not None
    assert (await house.refused(await house.channels.stream_key(channel.id))).code == "not_allowed"


async def test_blocked_one_is_cut_and_refused(house: House) -> None:
    channel = await house.channel()
    grant, _ = await house.go_live(channel)
    sentences: list[str] = []
    grant.publication.on_cut(sentences.append)
    await house.people.block(channel.owner_id, by=None)
    assert "is blocked" in sentences[0]
    await house.settled()
    assert house.status.state(channel.id).state == "offline"
    assert (await house.refused(await house.channels.stream_key(channel.id))).code == "not_allowed"


async def test_what_another_process_took_away_is_found_at_the_next_look(house: House) -> None:
    channel = await house.channel()
    await house.go_live(channel)
    elsewhere = People(house.db, channels=house.channels, sessions=house.accounts.sessions)
    await elsewhere.block(channel.owner_id, by=None)
    await house.settled()
    assert house.status.state(channel.id).state == "live"
    await house.publishing.recheck()
    await house.settled()
    assert house.status.state(channel.id).state == "offline"


async def test_taken_away_while_the_key_is_looked_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await house.channel()
    key = await house.channels.stream_key(channel.id)
    asked = house.publishing._rights.why_not_by_id
    times = 0

    async def slowly(user_id: int) -> str | None:
        nonlocal times
        answer = await asked(user_id)
        times += 1
        if times == 1:
            await house.people.set_streaming(user_id, False, by=None)
        return answer

    monkeypatch.setattr(house.publishing._rights, "why_not_by_id", slowly)
    answer = await house.publishing.open("rtmp", key, "192.0.2.1")
    assert isinstance(answer, Refusal)
    assert answer.code == "not_allowed"


async def test_when_nobody_can_say_it_is_refused_and_nobody_is_cut(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, other = await house.channel(), await house.channel("lab_two")
    await house.go_live(other)

    async def away(*_: object) -> None:
        raise DatabaseAway

    monkeypatch.setattr(house.publishing._rights, "why_not_by_id", away)
    monkeypatch.setattr(house.publishing._rights, "lost", away)
    answer = await house.publishing.open(
        "rtmp", await house.channels.stream_key(channel.id), "192.0.2.1"
    )
    assert not isinstance(answer, Grant)
    with pytest.raises(DatabaseAway):
        await house.publishing.recheck()
    assert house.status.state(other.id).state == "live"
