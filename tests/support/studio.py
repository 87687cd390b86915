"""An encoder, the real ingest, provider and HLS egress, and a player, in one process.

Everything goes over sockets; only the clock is turned by hand, so that a minute of stream takes
a second. What the player got is decoded by FFmpeg's library and compared with what was sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.settings import HlsSettings
from metropole_ingest_rtmp.listener import RtmpListener
from metropole_ingest_rtmp.settings import RtmpSettings
from metropole_provider_local.provider import LocalProvider
from metropole_provider_local.settings import LocalSettings

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.publishing import Grant, Refusal
from metropole_core.registry import Registry
from metropole_core.testing import FakeClock, make_broadcast, make_context
from metropole_core.testing.context import FakeAddresses, FakePublication
from tests.support.playlist_check import read_playlist
from tests.support.rtmp_script import Sent, written
from tests.support.rtmp_socket import RawEncoder, connected

STEP = 0.1
"""Seconds of stream that are sent before the clock is looked at again."""


class Doors:
    """`contracts.publishing.Publishing`: every key is the name of a channel and is welcome."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.stays: dict[str, list[FakePublication]] = {}
        self.available: dict[str, float] = {}

    def channel(self, key: str) -> ChannelRef:
        return ChannelRef(sum(key.encode()), key, 1)

    async def open(self, protocol: str, key: str, peer: str) -> Grant | Refusal:
        channel, clock = self.channel(key), self._studio.clock

        def available() -> None:
            self.available[key] = clock.monotonic()

        broadcast = make_broadcast(key, channel, self._studio.began_at)
        stream = self._studio.provider.open(broadcast, available)
        stay = FakePublication()
        self.stays.setdefault(key, []).append(stay)
        return Grant(channel, stream, stay)


class Studio:
    """Open it, let encoders publish, let viewers follow."""

    def __init__(self, hls: HlsSettings | None = None) -> None:
        self.clock = FakeClock()
        self.began, self.began_at = self.clock.monotonic(), self.clock.time()
        self.doors = Doors(self)
        registry = Registry()
        rtmp = RtmpSettings(bind="127.0.0.1:0")
        self.listener = RtmpListener(
            make_context(rtmp, name="ingest_rtmp", clock=self.clock, publishing=self.doors)  # type: ignore[arg-type]
        )
        self.egress = HlsEgress(
            make_context(hls or HlsSettings(), name="egress_hls", clock=self.clock)
        )
        registry.add("egress_hls", "register_egress", self.egress)
        local = LocalSettings(bind="127.0.0.1:0")
        context = make_context(local, name="local", clock=self.clock, registry=registry)
        self.provider = LocalProvider(context)
        self._viewers: list[Viewer] = []

    async def __aenter__(self) -> Studio:
        await self.provider.start()
        await self.listener.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.listener.stop()
        await self.provider.stop()

    @asynccontextmanager
    async def encoder(self, key: str) -> AsyncIterator[RawEncoder]:
        """A connection that may publish."""
        async with connected(self.listener.port) as encoder:
            await encoder.ask(key)
            assert await encoder.status() == "NetStream.Publish.Start"
            await encoder.announce_chunk_size(60_000)
            yield encoder

    async def publish(self, key: str, script: Iterable[Sent], *, turn: bool = True) -> bool:
        """Send a script over a connection of its own, each message at its time.

        Arguments:
            turn: whether the clock goes with it; else all comes at once.

        Returns:
            Whether the server took all of it.
        """
        async with self.encoder(key) as encoder:
            taken = await self.play(encoder, script, turn=turn)
            if taken:
                await encoder.command("deleteStream", 9.0, None, 1.0)
                await encoder.status()
            return taken

    async def play(self, encoder: RawEncoder, script: Iterable[Sent], *, turn: bool = True) -> bool:
        """Send a script, each message at its time after now; as `publish`."""
        began, waiting, until = self.clock.monotonic(), b"", STEP
        for sent in script:
            if sent.at >= until:
                if not await self._hand_over(encoder, waiting):
                    return False
                waiting, until = b"", sent.at + STEP
                if turn:
                    self.clock.advance(max(0.0, began + sent.at - self.clock.monotonic()))
            waiting += written(encoder, sent)
        return await self._hand_over(encoder, waiting)

    async def _hand_over(self, encoder: RawEncoder, data: bytes) -> bool:
        await encoder.send(data)
        taken = await encoder.ping()
        await self._viewers_wait()
        return taken

    async def _viewers_wait(self) -> None:
        """Until every viewer has taken what there is, and waits for more."""
        async with asyncio.timeout(5):
            while self.provider.stats.waiters < sum(one.following for one in self._viewers):  # noqa: ASYNC110
                await asyncio.sleep(0)

    def end(self, key: str) -> None:
        """The broadcast is over, as the core decides."""
        self.provider.end(self.doors.channel(key))

    def url(self, key: str) -> str:
        """Path of the multivariant playlist."""
        outputs = self.provider._broadcasts[self.doors.channel(key).id]._outputs
        output = outputs[0].output
        assert output is not None
        return output.source().url.removeprefix(FakeAddresses().media_url(self.provider.port))

    async def watch(self, key: str) -> Viewer:
        """A viewer of a stream, from the moment when it has a publisher."""
        async with asyncio.timeout(5):
            while self.doors.channel(key).id not in self.provider._broadcasts:  # noqa: ASYNC110
                await asyncio.sleep(0)
        viewer = Viewer(self.provider.port, self.url(key))
        viewer.begin()
        self._viewers.append(viewer)
        return viewer


@dataclass
class Piece:
    """What belongs to one initialisation segment."""

    init: bytes
    data: bytes = b""


@dataclass
class Viewer:
    """Follows one stream as a low-latency player does, and keeps all that it was told."""

    port: int
    url: str
    master: str = ""
    texts: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._follow())

    @property
    def following(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def folder(self) -> str:
        return self.url.rpartition("/")[0]

    async def get(self, path: str) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            async with asyncio.timeout(10):
                raw = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        head, _, body = raw.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    async def _follow(self) -> None:
        status, body = await self.get(self.url)
        while status == 503:
            status, body = await self.get(self.url)
        self.master = body.decode()
        query = ""
        while status == 200:
            status, body = await self.get(f"{self.folder}/v0.m3u8{query}")
            if status != 200:
                self.refused.append(status)
                return
            if not self.texts or body.decode() != self.texts[-1]:
                self.texts.append(body.decode())
            playlist = read_playlist(self.texts[-1])
            if playlist.ended:
                return
            newest = playlist.segments[-1]
            if newest.uri is None:
                query = f"?_HLS_msn={newest.number}&_HLS_part={len(newest.parts)}"
            else:
                query = f"?_HLS_msn={newest.number + 1}&_HLS_part=0"

    async def finish(self) -> list[Piece]:
        """Follow to the end, then fetch all that is listed."""
        assert self._task is not None
        async with asyncio.timeout(20):
            await self._task
        pieces: list[Piece] = []
        current = None
        for segment in read_playlist(self.texts[-1]).segments if self.texts else []:
            assert segment.uri is not None
            if segment.map != current:
                current = segment.map
                pieces.append(Piece(await self._fetch(f"{segment.map}")))
            data = await self._fetch(segment.uri)
            if segment.parts:
                parts = [await self._fetch(part.uri) for part in segment.parts]
                assert b"".join(parts) == data
            pieces[-1].data += data
        return pieces

    async def _fetch(self, name: str) -> bytes:
        status, body = await self.get(f"{self.folder}/{name}")
        assert status == 200, f"{name}: {status}"
        return body


@dataclass(frozen=True)
class Shown:
    """One packet that came out. Times in seconds."""

    dts: float
    pts: float
    duration: float
    digest: str


@dataclass
class Reading:
    """What FFmpeg's library makes of a piece."""

    size: tuple[int, int] = (0, 0)
    rate: int = 0
    video: list[Shown] = field(default_factory=list)
    audio: list[Shown] = field(default_factory=list)
    pictures: int = 0
    sounds: int = 0
    wrong: int = 0


def digest(data: bytes | bytearray | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def read(piece: Piece) -> Reading:
    """Demultiplex and decode all of it."""
    reading = Reading()
    with av.open(io.BytesIO(piece.init + piece.data)) as file:
        for packet in file.demux():
            if packet.stream.type == "video":
                context = packet.stream.codec_context
                reading.size = context.width, context.height
            else:
                reading.rate = packet.stream.codec_context.sample_rate
            if packet.size:
                base = packet.time_base
                assert packet.dts is not None
                assert packet.pts is not None
                shown = Shown(
                    float(packet.dts * base),
                    float(packet.pts * base),
                    float((packet.duration or 0) * base),
                    digest(bytes(packet)),
                )
                (reading.video if packet.stream.type == "video" else reading.audio).append(shown)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                reading.wrong += 1
                continue
            for frame in frames:
                reading.wrong += bool(frame.is_corrupt)
                if isinstance(frame, av.VideoFrame):
                    reading.pictures += 1
                else:
                    reading.sounds += 1
    return reading


def complaints(piece: Piece, folder: Path) -> str:
    """What the ffmpeg program says about it when it may not overlook anything."""
    file = folder / "piece.mp4"
    file.write_bytes(piece.init + piece.data)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", file,
         "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr or ("" if done.returncode == 0 else f"exit code {done.returncode}")
