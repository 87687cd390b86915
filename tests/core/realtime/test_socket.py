"""Who may open a socket, what it must send, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from wsproto.events import CloseConnection, Ping, TextMessage

from metropole_core.realtime import connection, hub
from metropole_core.realtime import socket as gate_module
from metropole_core.realtime.protocol import MAX_FRAME
from tests.core.realtime.conftest import Place, Start, until
from tests.support.ws_client import Client, Rejected, connect


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_pages_of_other_sites_are_refused(place: Place, headers: dict[str, str]) -> None:
    with pytest.raises(Rejected) as refused:
        async with connect(place.port, headers=headers):
            pass
    assert refused.value.status == 403


async def test_elsewhere_there_is_no_socket(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    for path, words in (("/ws/no/such", "404: There is no page"), ("/signin", "4")):
        with pytest.raises(Rejected, match=f"^{words}"):
            await place.socket(path=path)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_without_the_database_nobody_is_let_in(
    start_place: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async with start_place() as place:
        ann = await place.person()
        await place.site.db.disconnect()
        with pytest.raises(Rejected, match="not your fault") as refused:
            await place.socket(ann)
        await place.site.db.connect()
        assert refused.value.status == 500
        assert "WebSocket /ws failed" in caplog.text


async def test_an_address_has_a_bounded_number_of_sockets(place: Place) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9"}
    opened = [await place.socket(headers=headers) for _ in range(gate_module.MAX_PER_ADDRESS)]
    with pytest.raises(Rejected) as refused:
        await place.socket(headers=headers)
    assert refused.value.status == 503
    other = await place.socket(headers={"X-Forwarded-For": "203.0.113.10"})
    await other.hello()
    await opened[0].send({"t": "bye"})
    assert await opened[0].close_code() == 1000
    opened[0].writer.close()

    backs: list[Client] = []

    async def again() -> None:
        with contextlib.suppress(Rejected):
            backs.append(await place.socket(headers=headers))

    async with asyncio.timeout(5):
        while not backs:
            await again()
    await backs[0].hello()


async def test_the_whole_site_has_a_bounded_number_of_sockets(start_place: Start) -> None:
    async with start_place(max_connections=10) as place:
        for _ in range(10):
            await place.socket()
        with pytest.raises((Rejected, ConnectionError)):
            await place.socket()


async def test_a_page_without_a_channel(place: Place) -> None:
    client = await place.socket()
    welcome = await client.hello()
    assert welcome["v"] == 1
    assert welcome["chat"] is None
    assert welcome["status"] is None
    assert (await client.say("hi"))["code"] == "no_room"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "bad_message"),
        ("[]", "bad_message"),
        ('{"t": "dance"}', "bad_message"),
        ('{"t": "say", "text": 5, "nonce": "n"}', "bad_message"),
        ('{"t": "say", "text": "x"}', "bad_message"),
        ("[" * 5000, "bad_message"),
        ('{"t": "hello", "v": 1}', "greeted"),
        ('{"t": "beat", "channel": "nobody_here", "playing": true}', "no_channel"),
    ],
)
async def test_a_frame_that_cannot_be_used(place: Place, frame: str, code: str) -> None:
    client = await place.socket()
    await client.hello()
    await client.send(frame)
    assert (await client.expect("error"))["code"] == code
    assert (await client.say("still there?"))["t"] == "refused"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"t": "beat"}', "no_hello"),
        ('{"t": "hello", "v": 2}', "version"),
        ('{"t": "hello", "v": 1, "channel": "nobody_here"}', "no_channel"),
    ],
)
async def test_a_hello_that_cannot_be_used(place: Place, frame: str, code: str) -> None:
    client = await place.socket()
    await client.send(frame)
    assert (await client.expect("error"))["code"] == code


async def test_too_many_bad_frames(place: Place) -> None:
    client = await place.socket()
    for _ in range(connection.MAX_BAD):
        await client.send("?")
    assert await client.close_code() == 1008


async def test_too_many_frames(place: Place) -> None:
    client = await place.socket()
    await client.hello()
    for _ in range(connection.FRAMES + 5):
        await client.send({"t": "beat"})
    assert await client.close_code() == 1008


async def test_frames_that_wait_are_bounded(place: Place) -> None:
    """A database that stands still does not let a client fill the memory."""
    ann = await place.person()
    client = await place.socket(ann)
    await client.hello(ann.channel.name)
    for _ in range(connection.MAX_WAITING + 8):
        client.write(TextMessage('{"t": "say", "text": "x", "nonce": "n"}'))
    assert await client.close_code() == 1008


@pytest.mark.parametrize("octets", [MAX_FRAME + 1, 100_000])
async def test_an_oversized_frame(place: Place, octets: int) -> None:
    client = await place.socket()
    await client.hello()
    await client.send("x" * octets)
    assert await client.close_code() == 1009


async def test_octets_count_and_not_characters(place: Place) -> None:
    client = await place.socket()
    await client.hello()
    await client.send({"t": "bye", "x": "ß" * (MAX_FRAME // 2)})
    assert await client.close_code() == 1009


async def test_a_binary_frame(place: Place) -> None:
    client = await place.socket()
    await client.hello()
    await client.send(b"\x00\x01")
    assert await client.close_code() == 1003


CLOSE = 8
"""Opcode of a close frame, RFC 6455 section 5.2."""


async def test_a_page_that_leaves_gets_one_close_frame(place: Place) -> None:
    for _ in range(20):
        client = await place.socket()
        await client.hello()
        await client.send({"t": "bye"})
        client.write(CloseConnection(code=1000))
        assert (await client.rest()).count(CLOSE) == 1


async def test_who_is_sent_away_gets_one_close_frame(place: Place) -> None:
    client = await place.socket()
    await client.hello()
    await client.send(b"octets")
    assert await client.close_code() == 1003  # and it answered
    assert await client.rest() == []


async def test_pings_are_answered(place: Place) -> None:
    client = await place.socket()
    await client.hello()
    client.write(Ping(b"there?"))
    await client.send({"t": "bye"})
    assert await client.close_code() == 1000


async def test_silence_closes(place: Place) -> None:
    ann = await place.person()
    alive, silent, mute = await place.socket(ann), await place.socket(), await place.socket()
    await alive.hello()
    await silent.hello()
    for member in place.gate.hub:
        assert isinstance(member, connection.Connection)
        if member.who.user is None:
            limit = hub.SILENCE if member.greeted else hub.HELLO_WITHIN
            member.heard_at -= limit - 2
    place.gate.hub.sweep()
    assert (await silent.say("still here"))["t"] == "refused"
    for member in place.gate.hub:
        if member.who.user is None:  # type: ignore[attr-defined]
            member.heard_at -= hub.SILENCE if member.greeted else 3
    # Nobody calls `sweep` now: it comes by itself.
    assert await silent.close_code(within=hub.SWEEP_SECONDS + 3) == 4009
    assert await mute.close_code() == 4009
    assert (await alive.say("x"))["code"] == "no_room"


async def test_a_slow_reader_is_dropped_and_the_others_go_on(place: Place) -> None:
    ann = await place.person()
    channel = ann.channel
    slow, lost = await place.socket(), await place.socket()
    for each in (slow, lost):
        sock = each.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        await each.hello(channel.name)
    lost.writer.transport.pause_reading()  # type: ignore[attr-defined]
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    quick = await place.socket(ann)
    await quick.hello(channel.name)
    gate = place.gate
    before = gate.hub.dropped
    number = 0
    async with asyncio.timeout(20):
        while gate.hub.dropped < before + 2:
            number += 1
            gate.deleted(channel.id, [f"{number:05d}" * 2000])
            frame = await quick.expect("deleted")
            assert frame["ids"] == [f"{number:05d}" * 2000]
    assert number < 1000
    # One that reads again finds everything up to its close frame.
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert await slow.close_code() == 4008
    # One that never reads is cut off.
    await until(lambda: len(gate.hub) == 1, 10)
    assert (await quick.say("we are still here"))["t"] == "accepted"


async def test_shutdown_says_goodbye(start_place: Start) -> None:
    async with start_place() as place:
        clients = [await place.socket() for _ in range(3)]
        for client in clients:
            await client.hello()
        deaf = await place.socket()
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        began = asyncio.get_running_loop().time()
        place.stop.set()
        assert [await client.close_code() for client in clients] == [1001] * 3
        await asyncio.wait_for(asyncio.shield(place.task), 5)
        assert asyncio.get_running_loop().time() - began < 3


async def test_messages_that_wait_are_stored_at_shutdown(start_place: Start, db_url: str) -> None:
    async with start_place(db_url) as place:
        ann = await place.person()
        client = await place.socket(ann)
        await client.hello(ann.channel.name)
        for n in range(5):
            client.write(TextMessage(f'{{"t": "say", "text": "{n}", "nonce": "n"}}'))
        first = await client.expect("accepted")
        place.stop.set()
        await client.close_code()
        await asyncio.wait_for(asyncio.shield(place.task), 5)
        accepted = {first["id"]} | {f["id"] for f in client.seen if f["t"] == "accepted"}
    async with start_place(db_url) as again:
        reader = await again.socket()
        history = (await reader.hello(ann.channel.name))["history"]
    assert accepted <= {m["id"] for m in history}
