"""What a moov box says: the tracks of a fragmented file.

Source: ISO/IEC 14496-12 sections 8.2 to 8.8 (moov, trak, mdia, stsd, mvex), 12.1.3 and 12.2.3
(sample entries); 14496-1 section 7.2.6 (the descriptors of an esds box).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_TRACKS = 16
MAX_CONFIG = 64 * 1024
CONFIG_BOXES = {
    b"avc1": b"avcC", b"avc3": b"avcC", b"hvc1": b"hvcC", b"hev1": b"hvcC",
    b"av01": b"av1C", b"vp09": b"vpcC", b"Opus": b"dOps", b"mp4a": b"esds",
}  # fmt: skip
KINDS: dict[bytes, Literal["video", "audio"]] = {b"vide": "video", b"soun": "audio"}
VISUAL, AUDIO = 78, 28
"""Octets of a sample entry before the boxes in it."""
DECODER_CONFIG, DECODER_SPECIFIC, ES_DESCRIPTOR = 4, 5, 3
MAX_DESCRIPTORS = 16


class BadFile(ValueError):
    """These octets are no fragmented MP4 that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class MovieTrack:
    """A track of the file.

    Fields:
        number: track_ID.
        kind: "video" or "audio".
        fourcc: sample entry.
        timescale: ticks a second.
        config: the decoder configuration record (payload of avcC, hvcC, av1C, vpcC or dOps;
            AudioSpecificConfig).
        width, height: pixels, 0 for audio.
        sample_rate, channels: Hz and count, 0 for video.
        defaults: duration, size and flags of samples whose fragment does not say them (trex).
    """

    number: int
    kind: Literal["video", "audio"]
    fourcc: str
    timescale: int
    config: bytes
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0
    defaults: tuple[int, int, int] = (0, 0, 0)


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and payload of the boxes in a payload.

    Raises:
        BadFile: a size that does not fit.
    """
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise BadFile("a box is cut off")
        size, kind = struct.unpack_from(">I4s", data, at)
        if not 8 <= size <= len(data) - at:
            raise BadFile(f"a box inside another is longer than that: {kind!r}")
        yield kind, data[at + 8 : at + size]
        at += size


def parse_movie(payload: memoryview) -> tuple[MovieTrack, ...]:
    """The tracks of a moov box with sound or pictures in a codec that is known here; others are
    left out.

    Raises:
        BadFile: cut off or senseless.
    """
    found: list[MovieTrack] = []
    defaults: dict[int, tuple[int, int, int]] = {}
    try:
        for kind, box in boxes(payload):
            if kind == b"trak":
                track = _track(box)
                if track is not None:
                    found.append(track)
            elif kind == b"mvex":
                for inner, extends in boxes(box):
                    if inner == b"trex":
                        number, _, *values = struct.unpack_from(">4xIIIII", extends)
                        defaults[number] = (values[0], values[1], values[2])
            if max(len(found), len(defaults)) > MAX_TRACKS:
                raise BadFile(f"more than {MAX_TRACKS} tracks")
    except (struct.error, IndexError):
        raise BadFile("the description of the tracks is cut off") from None
    if len({track.number for track in found}) != len(found):
        raise BadFile("two tracks have the same number")
    return tuple(
        MovieTrack(
            track.number,
            track.kind,
            track.fourcc,
            track.timescale,
            track.config,
            track.width,
            track.height,
            track.sample_rate,
            track.channels,
            defaults.get(track.number, (0, 0, 0)),
        )
        for track in found
    )


def _track(payload: memoryview) -> MovieTrack | None:
    number = timescale = 0
    handler, entry = b"", None
    for kind, box in boxes(payload):
        if kind == b"tkhd":
            number = struct.unpack_from(">I", box, 20 if box[0] == 1 else 12)[0]
        elif kind == b"mdia":
            for inner, media in boxes(box):
                if inner == b"mdhd":
                    timescale = struct.unpack_from(">I", media, 20 if media[0] == 1 else 12)[0]
                elif inner == b"hdlr":
                    handler = bytes(media[8:12])
                elif inner == b"minf":
                    entry = _entry(media)
    if handler not in KINDS or entry is None or entry[0] not in CONFIG_BOXES:
        return None
    if number == 0 or timescale == 0:
        raise BadFile("a track without a number or a timescale")
    fourcc, description = entry
    name = fourcc.decode("ascii")
    if KINDS[handler] == "video":
        width, height = struct.unpack_from(">HH", description, 24)
        config = _config(fourcc, description[VISUAL:])
        return MovieTrack(number, "video", name, timescale, config, width, height)
    version, channels, rate = struct.unpack_from(">8xH6xH6xI", description)
    if version != 0:
        raise BadFile("sound is described in the manner of QuickTime")
    config = _config(fourcc, description[AUDIO:])
    return MovieTrack(
        number, "audio", name, timescale, config, 0, 0, rate >> 16 or timescale, channels
    )


def _entry(media_information: memoryview) -> tuple[bytes, memoryview] | None:
    """The first sample entry: its type and payload."""
    for kind, table in boxes(media_information):
        if kind == b"stbl":
            for inner, box in boxes(table):
                if inner == b"stsd":
                    return next(boxes(box[8:]), None)
    return None


def _config(fourcc: bytes, inner: memoryview) -> bytes:
    for kind, box in boxes(inner):
        if kind == CONFIG_BOXES[fourcc]:
            if len(box) > MAX_CONFIG:
                raise BadFile("a codec configuration is longer than 64 KiB")
            return _decoder_specific(box[4:]) if kind == b"esds" else bytes(box)
    raise BadFile(f"a track of {fourcc.decode()} without its configuration")


def _decoder_specific(data: memoryview) -> bytes:
    """Walk down the descriptors of an esds box to the AudioSpecificConfig."""
    at = 0
    for _ in range(MAX_DESCRIPTORS):
        tag, size = data[at : at + 1], 0
        at += 1
        for _ in range(4):
            (octet,) = struct.unpack_from("B", data, at)
            at += 1
            size = size << 7 | octet & 0x7F
            if not octet & 0x80:
                break
        if tag == bytes([ES_DESCRIPTOR]):
            (flags,) = struct.unpack_from(">2xB", data, at)
            if flags:
                raise BadFile("a stream descriptor with parts that nobody writes")
            at += 3
        elif tag == bytes([DECODER_CONFIG]):
            at += 13
        elif tag == bytes([DECODER_SPECIFIC]):
            return bytes(data[at : at + size])
        else:
            at += size
    raise BadFile("sound without its configuration")
