"""What goes between the site and the process that decodes: a key frame in, a picture out.

Each message is a length and that many octets. Sans-IO: reading and writing is the caller's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">4sHBI")
MAX_FRAME = 32 * 1024 * 1024
"""Octets of a key frame; one of 8K at 100 Mbit/s has some 4 MiB."""
MAX_REQUEST = MAX_FRAME + 128 * 1024
MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """What is to be made a picture of.

    Fields:
        fourcc: sample entry of the codec, four ASCII letters.
        config: decoder configuration record.
        data: the frame as the sample of an ISO base media file holds it.
    """

    fourcc: str
    config: bytes
    data: bytes


def request(frame: KeyFrame, width: int, quality: int) -> bytes:
    """A request, with its length in front."""
    body = (
        _HEAD.pack(frame.fourcc.encode("ascii"), width, quality, len(frame.config))
        + frame.config
        + frame.data
    )
    return LENGTH.pack(len(body)) + body


def read_request(body: bytes) -> tuple[KeyFrame, int, int]:
    """Frame, width and quality of a request without its length.

    Raises:
        ValueError: it is cut off.
    """
    if len(body) < _HEAD.size:
        raise ValueError("the request is cut off")
    fourcc, width, quality, size = _HEAD.unpack_from(body)
    config = body[_HEAD.size : _HEAD.size + size]
    if len(config) != size:
        raise ValueError("the request is cut off")
    data = body[_HEAD.size + size :]
    return KeyFrame(fourcc.decode("ascii"), config, data), width, quality
