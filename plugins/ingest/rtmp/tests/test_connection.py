"""What a connection does when its encoder does something wrong, or when it has to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from dataclasses import replace

import pytest
from metropole_ingest_rtmp.connection import TOO_MANY_FRAMES
from metropole_ingest_rtmp.settings import RtmpSettings

from metropole_core.contracts.publishing import Refusal
from metropole_media.live import LiveStream, Track
from metropole_media.rtmp import messages
from tests.support.rtmp_encoder import ASC, IDR
from tests.support.rtmp_listener import Running, Until
from tests.support.rtmp_socket import connected


def outcome(running: Running, key: str = "secret") -> str:
    return running.doors.stays[key][-1].outcome or ""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bad_key", "NetStream.Publish.BadName"),
        ("not_allowed", "NetStream.Publish.Denied"),
        ("already_live", "NetStream.Publish.BadName"),
        ("ended_by_creator", "NetStream.Publish.Denied"),
        ("rate_limited", "NetStream.Publish.Denied"),
        ("unavailable", "NetStream.Failed"),
        ("something_new", "NetStream.Failed"),
    ],
)
async def test_a_refusal_reaches_the_encoder_and_the_log_without_the_key(
    running: Running, caplog: pytest.LogCaptureFixture, code: str, status: str
) -> None:
    caplog.set_level(logging.DEBUG)
    running.doors.refusals["qwertz-key"] = Refusal(code, "This is why.")
    async with connected(running.port) as encoder:
        await encoder.ask("qwertz-key")
        told = await encoder.full_status()
        assert (told["level"], told["code"]) == ("error", status)
        assert told["description"] == "This is why."
        await encoder.closed()
    assert "This is why." in caplog.text
    assert "qwertz-key" not in caplog.text


async def test_no_key_is_refused_without_asking(running: Running) -> None:
    async with connected(running.port) as encoder:
        await encoder.ask("")
        assert await encoder.status() == "NetStream.Publish.BadName"
        await encoder.closed()
    assert running.doors.asked == []


async def test_a_second_publisher_is_refused_and_the_first_goes_on(
    running: Running, until: Until
) -> None:
    async with connected(running.port) as first, connected(running.port) as second:
        await first.go_live("secret")
        await second.ask("secret")
        assert await second.status() == "NetStream.Publish.BadName"
        await second.closed()
        await first.frame(0, key=True)
        await until(lambda: running.doors.followers["secret"].packets)


async def test_a_door_that_fails_is_closed(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.doors.fails = True
    async with connected(running.port) as encoder:
        await encoder.ask("qwertz-key")
        assert await encoder.status() == "NetStream.Failed"
        await encoder.closed()
    assert "RuntimeError" in caplog.text
    assert "qwertz-key" not in caplog.text


async def test_while_the_door_thinks_nothing_is_read(running: Running, until: Until) -> None:
    running.doors.held = asyncio.Event()
    async with connected(running.port) as encoder:
        await encoder.ask("secret")
        await until(lambda: running.doors.asked)
        await encoder.configure()
        await encoder.frame(0, key=True, filling=100_000)
        running.clock.advance(3600)  # thinking does not count as the encoder's time
        await asyncio.sleep(2 * running.listener.tick_seconds)
        running.doors.held.set()
        assert await encoder.status() == "NetStream.Publish.Start"
        follower = running.doors.followers["secret"]
        await until(lambda: follower.packets)
        assert len(follower.packets[0].data) == 100_000 + len(IDR)


async def test_an_encoder_that_leaves_while_the_door_thinks(running: Running, until: Until) -> None:
    running.doors.held = asyncio.Event()
    async with connected(running.port) as encoder:
        await encoder.ask("secret")
        await until(lambda: running.doors.asked)
    running.doors.held.set()
    await until(lambda: running.doors.stays and outcome(running))
    assert outcome(running).startswith("lost")
    assert not running.doors.streams["secret"].stats.publisher


@pytest.mark.parametrize("name", ["FCUnpublish", "deleteStream"])
async def test_goodbye_ends_the_broadcast(running: Running, until: Until, name: str) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        await encoder.command(name, 9.0, None, "secret")
        await until(lambda: outcome(running))
        assert outcome(running) == "ended"
        await encoder.closed()


async def test_a_dropped_connection_is_a_loss(running: Running, until: Until) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
    await until(lambda: outcome(running))
    assert outcome(running).startswith("lost: ")
    assert running.doors.followers["secret"].interrupted == 1


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\xff" * 64, "never began"),
        (b"\x04\0\0\0\xff\xff\xff\x09\0\0\0\0", None),
        (b"\x02\0\0\0\0\0\4\1\0\0\0\0\0\0\0\0", "out of range"),
        (b"\x03\0\0\0\0\0\3\x14\0\0\0\0\x04ab", "unknown type 4"),
        (b"\x04\0\0\0\0\0\7\x09\0\0\0\0\x17\0\0\0\0\1\2", "cut off"),
    ],
)
async def test_malformed_input_ends_this_connection_alone(
    running: Running, until: Until, wire: bytes, words: str | None
) -> None:
    async with connected(running.port) as good, connected(running.port) as bad:
        await good.go_live("good")
        await bad.go_live("bad")
        await bad.send(wire)
        if words is not None:
            told = await bad.full_status()
            assert told["code"] == "NetStream.Failed"
            assert words in told["description"]
            await bad.closed()
            assert words in outcome(running, "bad")
        follower = running.doors.followers["good"]
        await good.frame(0, key=True)
        await until(lambda: follower.packets)
        assert outcome(running, "good") == ""


async def test_a_message_that_is_too_large(running: Running) -> None:
    running.listener.limits = replace(running.listener.limits, message=1_000_000)
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        await encoder.send(b"\x04\0\0\0\xff\xff\xff\x09\0\0\0\0")
        assert "1000000" in (await encoder.full_status())["description"]
        await encoder.closed()


@pytest.mark.parametrize(
    ("wire", "words"), [(b"GET / HTTP/1.1\r\n\r\n", "HTTP"), (b"\x16\x03\x01", "rtmps")]
)
async def test_other_protocols_are_turned_away(
    running: Running, caplog: pytest.LogCaptureFixture, wire: bytes, words: str
) -> None:
    async with connected(running.port) as encoder:
        await encoder.send(wire)
        await encoder.closed()
    assert words in caplog.text


async def test_too_much_before_publishing(running: Running) -> None:
    async with connected(running.port) as encoder:
        await encoder.shake()
        await encoder.command("connect", 1.0, {"app": "live"})
        filler = encoder.chunks.message(3, messages.DATA, bytes((5,)) * 1000)
        await encoder.send(filler * 70)
        assert "too much" in (await encoder.full_status())["description"]
        await encoder.closed()


@pytest.mark.parametrize("shaken", [False, True])
async def test_an_encoder_that_never_asks(running: Running, shaken: bool) -> None:
    async with connected(running.port) as encoder:
        if shaken:
            await encoder.shake()
        running.clock.advance(1)
        await encoder.closed()


async def test_silence_ends_a_broadcast(running: Running, until: Until) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        await encoder.frame(0, key=True)
        await asyncio.sleep(2 * running.listener.tick_seconds)
        running.clock.advance(29)
        await asyncio.sleep(2 * running.listener.tick_seconds)
        assert outcome(running) == ""
        running.clock.advance(2)
        assert "30 s" in (await encoder.full_status())["description"]
        await encoder.closed()
    assert "30 s" in outcome(running)


async def test_the_core_keeps_a_picture_back(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    follower = running.doors.follow("secret")

    def too_large(tracks: tuple[Track, ...]) -> bool:
        running.doors.stays["secret"][0].cut("Lower the resolution.")
        return False

    running.doors.streams["secret"].gate = too_large
    async with connected(running.port) as encoder:
        await encoder.ask("secret")
        assert await encoder.status() == "NetStream.Publish.Start"
        await encoder.configure()
        await encoder.frame(0, key=True)
        assert (await encoder.full_status())["description"] == "Lower the resolution."
        await encoder.closed()
    assert follower.tracks == ()
    assert follower.packets == []
    assert "Traceback" not in caplog.text


async def test_the_core_cuts_a_publisher(running: Running) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        running.doors.stays["secret"][0].cut("Your stream key was replaced.")
        # At once, so that whoever replaces it can attach.
        assert not running.doors.streams["secret"].stats.publisher
        told = await encoder.full_status()
        assert told["code"] == "NetStream.Publish.BadName"
        assert told["description"] == "Your stream key was replaced."
        await encoder.closed()


async def test_a_cut_publisher_that_goes_on_sending_is_closed(
    running: Running, until: Until
) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        running.doors.stays["secret"][0].cut("Ended.")
        for stamp in range(40):
            await encoder.frame(stamp, filling=100_000)
        await until(lambda: running.listener.connections == 0)


async def test_a_mistake_of_ours_ends_that_stream_alone(
    running: Running, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> float:
        raise RuntimeError("the clock is broken")

    running.doors.follow("bad")
    running.doors.streams["bad"] = LiveStream("bad", broken_clock)
    async with connected(running.port) as good, connected(running.port) as bad:
        await good.go_live("good")
        await bad.go_live("bad")
        await bad.frame(0, key=True)
        assert await bad.status() == "NetStream.Failed"
        await good.frame(0, key=True)
        await until(lambda: running.doors.followers["good"].packets)
    assert "the clock is broken" in caplog.text


async def test_an_encoder_that_asks_but_does_not_read_is_not_served_for_ever(
    running: Running, until: Until
) -> None:
    # So many pings would be refused for their number.
    running.listener.buffer = memoryview(bytearray(32 * 1024))
    running.listener.limits = replace(running.listener.limits, chunks_per_second=1 << 30)
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        ping = encoder.chunks.message(2, messages.USER_CONTROL, b"\0\x06abcd")
        (connection,) = running.listener._connections
        ours = connection._transport.get_extra_info("socket")
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        encoder._reader._transport.pause_reading()  # type: ignore[attr-defined]
        theirs = encoder._writer.get_extra_info("socket")
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        async def flood() -> None:
            with contextlib.suppress(OSError):
                while not encoder._writer.is_closing():
                    encoder._writer.write(ping * 500)
                    await encoder._writer.drain()

        flooding = asyncio.create_task(flood())
        await until(lambda: not connection._transport.is_reading())
        assert connection._transport.get_write_buffer_size() < 1024 * 1024
        async with asyncio.timeout(15):
            # Once what the network holds is full as well, nothing is heard of it any more.
            while not outcome(running):
                await asyncio.sleep(2 * running.listener.tick_seconds)
                running.clock.advance(31)
        flooding.cancel()
        await asyncio.wait([flooding])


async def test_a_flood_of_tiny_chunks_is_ended(running: Running) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        await encoder.send(encoder.chunks.message(2, messages.ACKNOWLEDGEMENT, bytes(4)))
        await encoder.send(b"\x04\0\0\0\0\0\0\x12\0\0\0\0" + b"\xc4" * 200_000)
        assert "too small" in (await encoder.full_status())["description"]


async def test_a_flood_of_tiny_frames_is_ended(running: Running, until: Until) -> None:
    """Many fit into one message, so that chunks alone say nothing of what they cost."""
    part = b"\0\0\0\1x"
    message = b"\x95\x11mp4a" + part * 64
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        await encoder.send(encoder.chunks.message(6, messages.AUDIO, b"\xaf\0" + ASC))
        (connection,) = running.listener._connections

        async def send(count: int) -> None:
            for _ in range(count):
                wanted = connection._session.frames + 64 * 20
                data = encoder.chunks.message(6, messages.AUDIO, message)
                await encoder.send(data * 20)
                await until(lambda: connection._session.frames >= wanted)  # noqa: B023

        # As much as an encoder that sends what waited in the network, which is all right.
        await send(2)
        running.clock.advance(1)
        await asyncio.sleep(2 * running.listener.tick_seconds)
        assert not outcome(running)
        await send(10)
        running.clock.advance(1)
        assert (await encoder.full_status())["description"] == TOO_MANY_FRAMES


async def test_caps(until: Until, running: Running, caplog: pytest.LogCaptureFixture) -> None:
    settings = RtmpSettings(bind="127.0.0.1:0", max_connections=3, max_per_address=2)
    object.__setattr__(running.listener.context, "settings", settings)
    async with connected(running.port) as one, connected(running.port) as two:
        await one.shake()
        await two.shake()
        async with connected(running.port) as three:
            await three.closed()
        assert "that address" in caplog.text
        await one.close()
        await until(lambda: running.listener.connections == 1)
        async with connected(running.port) as four:
            await four.shake()


async def test_stopping_loses_publishers_and_is_quick(running: Running) -> None:
    async with connected(running.port) as encoder:
        await encoder.go_live("secret")
        async with asyncio.timeout(1):
            await running.listener.stop()
        await encoder.closed()
    assert "restarted" in outcome(running)
    assert running.listener.connections == 0
