"""What one audio or video message says about one track."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a tag holds."""

    CONFIG = "config"
    FRAME = "frame"
    COLOUR = "colour"


@dataclass(slots=True)
class Tag:
    """One tag, read. What is of no use (end of sequence, commands, channel maps) makes no tag.

    Fields:
        kind: a decoder configuration, a frame, or metadata of the picture in AMF0.
        fourcc: of the codec. Of a stranger's four octets, only what can be printed.
        track: the encoder's number, 0 to 255; 0 where it sends one track.
        key: whether the encoder calls it a key frame.
        offset: presentation time minus decode time in milliseconds.
        payload: record, frame or metadata, without copy.
    """

    kind: Kind
    fourcc: str
    track: int
    key: bool
    offset: int
    payload: memoryview


def signed(octets: memoryview) -> int:
    """A composition time: SI24, milliseconds."""
    return int.from_bytes(octets, "big", signed=True)
