"""Audio and video messages: the tag bodies of FLV.

Source: Adobe Flash Video File Format 10.1, annex E.4.2 and E.4.3; Enhanced RTMP v2. H.264 and
AAC are taken, also by their FourCC. Any other codec becomes an error that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from metropole_media.rtmp.errors import BadTag, UnsupportedCodec

VIDEO_CODECS = {
    1: "JPEG", 2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha",
    6: "Screen video 2", 8: "H.263", 9: "MPEG-4 part 2", 12: "HEVC (H.265)", 13: "AV1",
}  # fmt: skip
AUDIO_CODECS = {
    0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
    7: "G.711 A-law", 8: "G.711 mu-law", 11: "Speex", 14: "MP3 at 8 kHz",
}  # fmt: skip
FOURCC = {
    "hvc1": "HEVC (H.265)", "hev1": "HEVC (H.265)", "av01": "AV1", "vp08": "VP8", "vp09": "VP9",
    "vvc1": "VVC (H.266)", "Opus": "Opus", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC",
    ".mp3": "MP3",
}  # fmt: skip
AVC, AAC = 7, 10
AUDIO_EXTENDED = 9
VIDEO_EXTENDED = 0x80
KEY_FRAME, COMMAND_FRAME = 1, 5


class Kind(Enum):
    """What a tag holds."""

    CONFIG = "config"
    FRAME = "frame"
    NOTHING = "nothing"


@dataclass(slots=True)
class Tag:
    """One tag body, read.

    Fields:
        kind: a decoder configuration, a frame, or nothing of use (end of sequence, commands).
        key: whether the encoder calls it a key frame.
        offset: presentation time minus decode time in milliseconds.
        payload: record or frame, without copy.
    """

    kind: Kind
    key: bool
    offset: int
    payload: memoryview


def read_video(body: memoryview) -> Tag:
    """Read a video message.

    Raises:
        BadTag: cut off.
        UnsupportedCodec: not H.264.
    """
    if not len(body):
        return Tag(Kind.NOTHING, False, 0, body)
    first = body[0]
    if first & VIDEO_EXTENDED:
        return _extended_video(body)
    codec, frame = first & 0x0F, first >> 4
    if frame == COMMAND_FRAME:
        return Tag(Kind.NOTHING, False, 0, body)
    if codec != AVC:
        raise _unsupported_video(VIDEO_CODECS.get(codec, f"codec number {codec}"))
    if len(body) < 5:
        raise BadTag("A video message is cut off.")
    kind = (Kind.CONFIG, Kind.FRAME)[body[1]] if body[1] < 2 else Kind.NOTHING
    return Tag(kind, frame == KEY_FRAME, _signed(body[2:5]), body[5:])


def read_audio(body: memoryview) -> Tag:
    """Read an audio message.

    Raises:
        BadTag: cut off.
        UnsupportedCodec: not AAC.
    """
    if not len(body):
        return Tag(Kind.NOTHING, True, 0, body)
    codec = body[0] >> 4
    if codec == AUDIO_EXTENDED:
        return _extended_audio(body)
    if codec != AAC:
        raise _unsupported_audio(AUDIO_CODECS.get(codec, f"codec number {codec}"))
    if len(body) < 2:
        raise BadTag("An audio message is cut off.")
    kind = (Kind.CONFIG, Kind.FRAME)[body[1]] if body[1] < 2 else Kind.NOTHING
    return Tag(kind, True, 0, body[2:])


def _extended_video(body: memoryview) -> Tag:
    """Enhanced RTMP: octet 0 is 1, frame type (3 bits), packet type (4 bits); then a FourCC."""
    frame, packet = body[0] >> 4 & 7, body[0] & 0x0F
    if packet == 4 or frame == COMMAND_FRAME:
        return Tag(Kind.NOTHING, False, 0, body)
    if packet in (6, 7):
        raise UnsupportedCodec(
            "The encoder sends several video tracks (multitrack), which this server does not take: "
            "switch off Multitrack Video in OBS > Settings > Stream."
        )
    fourcc = _fourcc(body, "A video message is cut off.")
    if fourcc != "avc1":
        raise _unsupported_video(FOURCC.get(fourcc, fourcc))
    key = frame == KEY_FRAME
    if packet == 0:
        return Tag(Kind.CONFIG, key, 0, body[5:])
    if packet == 1:
        if len(body) < 8:
            raise BadTag("A video message is cut off.")
        return Tag(Kind.FRAME, key, _signed(body[5:8]), body[8:])
    return Tag(Kind.FRAME if packet == 3 else Kind.NOTHING, key, 0, body[5:])


def _extended_audio(body: memoryview) -> Tag:
    packet = body[0] & 0x0F
    if packet in (5, 7):
        raise UnsupportedCodec(
            "The encoder sends several audio tracks (multitrack), which this server does not take: "
            "choose one audio track in OBS > Settings > Output."
        )
    fourcc = _fourcc(body, "An audio message is cut off.")
    if fourcc != "mp4a":
        raise _unsupported_audio(FOURCC.get(fourcc, fourcc))
    kind = (Kind.CONFIG, Kind.FRAME)[packet] if packet < 2 else Kind.NOTHING
    return Tag(kind, True, 0, body[5:])


def _fourcc(body: memoryview, otherwise: str) -> str:
    if len(body) < 5:
        raise BadTag(otherwise)
    # Of a stranger's four octets, only what can be printed reaches a sentence.
    return "".join(chr(c) if 32 < c < 127 else "?" for c in body[1:5])


def _signed(octets: memoryview) -> int:
    return int.from_bytes(octets, "big", signed=True)


def _unsupported_video(name: str) -> UnsupportedCodec:
    return UnsupportedCodec(
        f"The video is {name}, which this server does not take: "
        "choose an H.264 video encoder in OBS > Settings > Output."
    )


def _unsupported_audio(name: str) -> UnsupportedCodec:
    return UnsupportedCodec(
        f"The audio is {name}, which this server does not take: "
        "choose an AAC audio encoder in OBS > Settings > Output."
    )
