"""Enhanced audio and video messages: codecs by FourCC, several tracks, modifiers.

Source: Enhanced RTMP v2 (Veovera), sections Enhanced Audio, Enhanced Video and Metadata Frame;
version 1 is its part for one video track. The offset of time stamps in nanoseconds is read past:
tracks are kept in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from metropole_media.rtmp.errors import BadTag
from metropole_media.rtmp.tags import Kind, Tag, signed

KEY_FRAME, COMMAND_FRAME = 1, 5

SEQUENCE_START, CODED_FRAMES, CODED_FRAMES_X, METADATA = 0, 1, 3, 4
MODIFIERS = 7
VIDEO_MULTITRACK, AUDIO_MULTITRACK = 6, 5
"""Packet types. Others say nothing that is needed: SequenceEnd (2), MPEG2TSSequenceStart (5),
and of audio MultichannelConfig (4), which AAC and Opus say themselves."""
VIDEO_KINDS = {
    SEQUENCE_START: Kind.CONFIG, CODED_FRAMES: Kind.FRAME, CODED_FRAMES_X: Kind.FRAME,
    METADATA: Kind.COLOUR,
}  # fmt: skip
AUDIO_KINDS = {SEQUENCE_START: Kind.CONFIG, CODED_FRAMES: Kind.FRAME}
WITH_OFFSET = frozenset(("avc1", "hvc1", "vvc1"))
"""Codecs whose CodedFrames begin with a composition time."""

ONE_TRACK, MANY_TRACKS, MANY_CODECS = 0, 1, 2
MAX_PARTS = 64
"""Tracks in one message."""
MAX_MODIFIERS = 8
LONG_MODIFIER = 256
CUT_OFF = "A video or audio message is cut off."


def read_video(body: memoryview) -> tuple[Tag, ...]:
    """Read a video message whose first octet has its highest bit set.

    Raises:
        BadTag: cut off, or it contradicts itself.
    """
    frame = body[0] >> 4 & 7
    packet, at = _past_modifiers(body)
    if frame == COMMAND_FRAME and packet != METADATA:
        return ()
    key = frame == KEY_FRAME
    tags = []
    for packet_, fourcc, track, payload in _parts(body, packet, at, VIDEO_MULTITRACK):
        kind, offset = VIDEO_KINDS.get(packet_), 0
        if kind is None:
            continue
        if packet_ == CODED_FRAMES and fourcc in WITH_OFFSET:
            if len(payload) < 3:
                raise BadTag(CUT_OFF)
            offset, payload = signed(payload[:3]), payload[3:]
        tags.append(Tag(kind, fourcc, track, key, offset, payload))
    return tuple(tags)


def read_audio(body: memoryview) -> tuple[Tag, ...]:
    """Read an audio message whose sound format is 9.

    Raises:
        BadTag: cut off, or it contradicts itself.
    """
    packet, at = _past_modifiers(body)
    return tuple(
        Tag(AUDIO_KINDS[packet_], fourcc, track, True, 0, payload)
        for packet_, fourcc, track, payload in _parts(body, packet, at, AUDIO_MULTITRACK)
        if packet_ in AUDIO_KINDS
    )


def _past_modifiers(body: memoryview) -> tuple[int, int]:
    """Packet type, and where what follows begins (ModEx: size, data, type of data and next packet
    type)."""
    packet, at = body[0] & 0x0F, 1
    for _ in range(MAX_MODIFIERS):
        if packet != MODIFIERS:
            return packet, at
        size, at = _number(body, at, 1) + 1, at + 1
        if size == LONG_MODIFIER:
            size, at = _number(body, at, 2) + 1, at + 2
        at += size
        packet, at = _number(body, at, 1) & 0x0F, at + 1
    if packet == MODIFIERS:
        raise BadTag("A message of the encoder holds too many modifiers.")
    return packet, at


def _parts(
    body: memoryview, packet: int, at: int, multitrack: int
) -> Iterator[tuple[int, str, int, memoryview]]:
    """Packet type, FourCC, track and payload of each track in a message."""
    if packet != multitrack:
        yield packet, _fourcc(body, at), 0, body[at + 4 :]
        return
    sort, packet = divmod(_number(body, at, 1), 16)
    at += 1
    if sort > MANY_CODECS or packet in (multitrack, MODIFIERS):
        raise BadTag("A message of the encoder mixes tracks in a way that does not exist.")
    fourcc = ""
    if sort != MANY_CODECS:
        fourcc, at = _fourcc(body, at), at + 4
    for _ in range(MAX_PARTS):
        if sort == MANY_CODECS:
            fourcc, at = _fourcc(body, at), at + 4
        track, at = _number(body, at, 1), at + 1
        if sort == ONE_TRACK:
            yield packet, fourcc, track, body[at:]
            return
        size, at = _number(body, at, 3), at + 3
        if at + size > len(body):
            raise BadTag(CUT_OFF)
        yield packet, fourcc, track, body[at : at + size]
        at += size
        if at == len(body):
            return
    raise BadTag("A message of the encoder holds too many tracks.")


def _number(body: memoryview, at: int, width: int) -> int:
    if at + width > len(body):
        raise BadTag(CUT_OFF)
    return int.from_bytes(body[at : at + width], "big")


def _fourcc(body: memoryview, at: int) -> str:
    if at + 4 > len(body):
        raise BadTag(CUT_OFF)
    return "".join(chr(octet) if 32 < octet < 127 else "?" for octet in body[at : at + 4])
