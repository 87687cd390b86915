"""Where the server offers no transport, frames go through the framework: slower, but the same."""

from __future__ import annotations

import asyncio
import socket

import pytest

from metropole_core.realtime import socket as gate_module
from metropole_core.realtime.frames import encode
from metropole_core.realtime.outlet import QueueOutlet
from metropole_core.realtime.protocol import Error
from tests.core.realtime.conftest import Start, until


@pytest.fixture
def without_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "_transport", lambda _scope: None)


@pytest.mark.usefixtures("without_transport")
async def test_chat_and_every_way_to_close(start_place: Start) -> None:
    async with start_place() as place:
        ann = await place.person()
        a, b = await place.socket(ann), await place.socket()
        await a.hello(ann.channel.name)
        await b.hello(ann.channel.name)
        said = await a.say("slowly")
        assert (await b.message(said["id"]))["text"] == "slowly"
        await b.send(b"binary")
        assert await b.close_code() == 1003
        await place.site.accounts.sign_out(ann.token)
        assert await a.close_code() == 4001
        guest = await place.socket()
        await guest.hello()
        place.stop.set()
        assert await guest.close_code() == 1001
        await asyncio.wait_for(asyncio.shield(place.task), 5)


@pytest.mark.usefixtures("without_transport")
async def test_a_slow_reader_is_dropped_here_too(start_place: Start) -> None:
    async with start_place() as place:
        ann = await place.person()
        slow = await place.socket()
        sock = slow.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        await slow.hello(ann.channel.name)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        quick = await place.socket(ann)
        await quick.hello(ann.channel.name)
        async with asyncio.timeout(20):
            while not place.gate.hub.dropped:
                place.gate.deleted(ann.channel.id, ["x" * 100_000])
                await quick.expect("deleted")
        await until(lambda: len(place.gate.hub) == 1, 10)
        assert (await quick.say("on we go"))["t"] == "accepted"


async def test_the_queue_is_bounded() -> None:
    gate = asyncio.Event()
    sent: list[str] = []
    closed: list[int] = []
    cut = asyncio.Event()

    async def send(text: str) -> None:
        await gate.wait()
        sent.append(text)

    async def close(code: int, _reason: str) -> None:
        closed.append(code)

    outlet = QueueOutlet(send, close, cut.set, max_buffer=1000)
    frame = encode(Error("x", "y" * 100))
    taken = 0
    while outlet.offer(frame):
        taken += 1
    assert taken * len(frame.texts[0]) <= 1000 + 2 * len(frame.texts[0])
    outlet.close(4008, "too slow")
    assert outlet.offer(frame)  # dropped without a word: it closes
    gate.set()
    await asyncio.wait_for(cut.wait(), 5)
    assert closed == [4008]
    assert len(sent) == taken
