"""What an encoder sends, message by message, to be bent into whatever encoders do wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from metropole_media.live import Packet, Track
from metropole_media.rtmp import amf0, messages
from tests.support.encoded import Encoded

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
    def key(self) -> bool:
        return self.video and self.packet is not None and self.packet.key


Script = list[Sent]


def config(track: Track, at: float = 0.0, timestamp: int = 0) -> Sent:
    """A sequence header."""
    if track.kind == "video":
        return Sent(at, messages.VIDEO, timestamp, b"\x17\0\0\0\0" + track.config)
    return Sent(at, messages.AUDIO, timestamp, b"\xaf\0" + track.config)


def frame(packet: Packet, at: float) -> Sent:
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
        *(frame(packet, start + packet.dts / 1000) for packet in source.packets),
    ]


def ordered(sent: Iterable[Sent]) -> Script:
    """In the order of arrival."""
    return sorted(sent, key=lambda one: one.at)


def changed(
    sent: Iterable[Sent], when: Callable[[Sent], bool], change: Callable[[Sent], Sent | None]
) -> Script:
    """With some messages changed, or left out where `change` says None."""
    found = (change(one) if when(one) else one for one in sent)
    return [one for one in found if one is not None]
