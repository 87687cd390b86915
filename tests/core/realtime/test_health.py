"""The owner of a channel hears how well its stream arrives; nobody else does."""

from __future__ import annotations

from metropole_media.live import LiveStream, Packet
from tests.core.realtime.conftest import Place
from tests.support.metered import AUDIO, VIDEO, Source


def publish(place: Place, channel: object) -> None:
    stream = LiveStream("x", place.site.clock.monotonic)
    place.site.health.came(channel.ref, stream)  # type: ignore[attr-defined]
    handle = stream.attach()
    handle.describe((VIDEO, AUDIO))
    for sent in Source(gop=240).packets(20.0):
        dts = round(sent.time * 1000)
        handle.write(Packet(sent.track, dts, dts, sent.key, sent.data))


async def test_only_the_owner_in_the_room_hears_of_it(place: Place) -> None:
    ann, bob = await place.person(), await place.person()
    mine, elsewhere = await place.socket(ann), await place.socket(ann)
    others, guest = await place.socket(bob), await place.socket()
    for client, room in ((mine, ann), (elsewhere, bob), (others, ann), (guest, ann)):
        await client.hello(room.channel.name)
    publish(place, ann.channel)
    place.site.health.look()
    found = await mine.expect("health")
    assert (found["channel"], found["level"]) == (ann.channel.name, "warning")
    assert (found["frames"], found["dropped"], found["key_interval"]) == (600, 0, 8.0)
    assert found["findings"] == [{"code": "long_gop", "severity": "warning"}]
    for client in (elsewhere, others, guest):
        await place.site.channels.update(
            ann.channel.id, title="Owls", category="", tags=[], description=""
        )
        await client.expect("status", title="Owls")  # what was sent before has arrived
        assert not any(frame["t"] == "health" for frame in client.seen)


async def test_who_has_left_is_forgotten(place: Place) -> None:
    ann = await place.person()
    mine = await place.socket(ann)
    await mine.hello(ann.channel.name)
    assert len(place.gate.hub.owners_in_room(ann.channel.id)) == 1
    await mine.send({"t": "bye"})
    assert await mine.close_code() == 1000
    assert place.gate.hub._owners == {}
