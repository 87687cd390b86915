"""What an encoder sends, message by message, to be bent into whatever encoders do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from time import monotonic

from metropole_media.live import Packet, Track
from metropole_media.rtmp import amf0, messages
from tests.support.encoded import Encoded
from tests.support.rtmp_socket import RawEncoder, connected

VIDEO_CSID, AUDIO_CSID, DATA_CSID = 4, 6, 5
WRAP = 1 << 32


@dataclass(frozen=True)
class Sent:
    """One message.

    Fields:
        at: seconds after the connection's beginning.
        kind: of `messages`.
        timestamp: milliseconds, 32 bits.
        packet: what it carries, if it is a frame; with the times of the source.
    """

    at: float
    kind: int
    timestamp: int
    body: bytes
    packet: Packet | None = None

    @property
    def csid(self) -> int:
        return {messages.VIDEO: VIDEO_CSID, messages.AUDIO: AUDIO_CSID}.get(self.kind, DATA_CSID)

    @property
    def video(self) -> bool:
        return self.kind == messages.VIDEO

    @property
    def audio(self) -> bool:
        return self.kind == messages.AUDIO

    @property
    def frame(self) -> bool:
        return self.packet is not None

    @property
    def header(self) -> bool:
        """Whether it is a sequence header."""
        return self.packet is None and self.kind in (messages.VIDEO, messages.AUDIO)

    @property
    def dts(self) -> int:
        """Of the frame that it carries."""
        assert self.packet is not None
        return self.packet.dts

    @property
    def key(self) -> bool:
        return self.video and self.packet is not None and self.packet.key


Script = list[Sent]


def config(track: Track, at: float = 0.0, timestamp: int = 0) -> Sent:
    """A sequence header."""
    if track.kind == "video":
        return Sent(at, messages.VIDEO, timestamp, b"\x17\0\0\0\0" + track.config)
    return Sent(at, messages.AUDIO, timestamp, b"\xaf\0" + track.config)


def carry(packet: Packet, at: float) -> Sent:
    """A frame, as FLV holds it."""
    timestamp = packet.dts % WRAP
    if packet.track:
        return Sent(at, messages.AUDIO, timestamp, b"\xaf\1" + bytes(packet.data), packet)
    offset = (packet.pts - packet.dts).to_bytes(3, "big", signed=True)
    head = (b"\x17" if packet.key else b"\x27") + b"\1" + offset
    return Sent(at, messages.VIDEO, timestamp, head + bytes(packet.data), packet)


def metadata(values: dict[str, amf0.Value]) -> Sent:
    return Sent(0.0, messages.DATA, 0, amf0.encode(["@setDataFrame", "onMetaData", values]))


def usual_metadata(source: Encoded) -> Sent:
    """What FFmpeg says."""
    values: dict[str, amf0.Value] = {"encoder": "test"}
    for track in source.tracks:
        if track.kind == "video":
            values |= {"videocodecid": 7.0, "width": float(track.width),
                       "height": float(track.height), "framerate": track.frame_rate}  # fmt: skip
        else:
            values |= {"audiocodecid": 10.0, "audiosamplerate": float(track.sample_rate)}
    return metadata(values)


def script(source: Encoded, start: float = 0.0) -> Script:
    """As an encoder without fault sends it, from `start` seconds of the connection on."""
    configs = [config(track, start) for track in source.tracks]
    return [
        replace(usual_metadata(source), at=start),
        *configs,
        *(carry(packet, start + packet.dts / 1000) for packet in source.packets),
    ]


def ordered(sent: Iterable[Sent]) -> Script:
    """In the order of arrival."""
    return sorted(sent, key=lambda one: one.at)


def without(sent: Iterable[Sent], which: Callable[[Sent], bool]) -> Script:
    """Some messages left out."""
    return [one for one in sent if not which(one)]


def stamped(sent: Iterable[Sent], stamp: Callable[[Sent], int]) -> Script:
    """With other time stamps, at the same moments."""
    return [replace(one, timestamp=stamp(one) % WRAP) for one in sent]


def later(sent: Iterable[Sent], seconds: float) -> Script:
    """Sent later, as a source that goes on would."""
    by = round(seconds * 1000)
    return [
        replace(
            one,
            at=one.at + seconds,
            timestamp=(one.timestamp + by) % WRAP,
            packet=one.packet
            and replace(one.packet, dts=one.packet.dts + by, pts=one.packet.pts + by),
        )
        for one in sent
    ]


def nth_picture(sent: Iterable[Sent], every: int, change: Callable[[Sent], Sent]) -> Script:
    """With every so-many-th frame of the picture changed, the last of each lot."""
    found, count = [], 0
    for one in sent:
        if one.video and one.frame:
            count += 1
            found.append(change(one) if count % every == 0 else one)
        else:
            found.append(one)
    return found


async def perform(port: int, key: str, sent: Iterable[Sent], *, goodbye: bool = True) -> None:
    """Send each message at its time on the wall's clock.

    Arguments:
        goodbye: whether the encoder says that it stops.
    """
    async with connected(port) as encoder:
        await encoder.ask(key)
        assert await encoder.status() == "NetStream.Publish.Start"
        await encoder.announce_chunk_size(60_000)
        began = monotonic()
        for one in sent:
            await asyncio.sleep(max(0.0, began + one.at - monotonic()))
            await encoder.send(written(encoder, one))
        if goodbye:
            await encoder.command("deleteStream", 9.0, None, 1.0)
            await encoder.status()


def written(encoder: RawEncoder, one: Sent) -> bytes:
    """A message in chunks."""
    return encoder.chunks.message(
        one.csid, one.kind, one.body, timestamp=one.timestamp, stream_id=1
    )
