"""VP9: the codec configuration record, and the head of a frame.

The record (the payload of a vpcC box, with version and flags in front) does not say how large the
picture is: only a key frame does. So the record that goes around in this server may be four octets
longer, width and height of 16 bits each, put behind it by `with_vp9_sets`; `vpcc` cuts them off.

Source: VP Codec ISO Media File Format Binding v1.0 ("VP Codec Configuration Box", "Codecs
Parameter String"); VP9 Bitstream & Decoding Process Specification section 6.2
(uncompressed_header), annex B (superframes: the first frame stands at the beginning).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.colour import colour
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.model import AccessUnit, VideoConfig

RECORD = 12
"""Octets of a vpcC payload, without codecInitializationData: VP9 has none."""
SIZE = struct.Struct(">2H")
HEAD = 16
"""Octets of a key frame up to its size, and some more."""
FRAME_MARKER, SYNC_CODE = 2, 0x498342
CS_RGB = 7
COLLOCATED, C422, C444 = 1, 2, 3
"""chromaSubsampling of a record; 0 is 4:2:0 with samples between lines."""
MAX_SIDE = 16384
LEVELS = (
    (36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31),
    (2_228_224, 41), (8_912_896, 51), (35_651_584, 61),
)  # fmt: skip
"""Level by pixels, taken where the encoder does not say it; those of 60 frames a second."""


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """What the head of a key frame says."""

    profile: int
    bit_depth: int
    subsampling: int
    full_range: bool
    width: int
    height: int


def parse_vpcc(record: bytes) -> VideoConfig:
    """Read a VPCodecConfigurationRecord, with the picture's size behind it or without.

    Without, width and height are 0 until `with_vp9_sets` has put in that of the first key frame.

    Raises:
        BadRecord: the record cannot be used; says why.
    """
    if len(record) not in (RECORD, RECORD + SIZE.size):
        raise BadRecord("The VP9 configuration has the wrong length.")
    if record[0] != 1:
        raise BadRecord(f"The VP9 configuration has version {record[0]} instead of 1.")
    profile, level, packed = record[4:7]
    depth, subsampling, full_range = packed >> 4, packed >> 1 & 7, bool(packed & 1)
    if profile > 3 or depth not in (8, 10, 12) or subsampling > C444:
        raise BadRecord("The VP9 configuration holds values that there are not.")
    width, height = SIZE.unpack_from(record, RECORD) if len(record) > RECORD else (0, 0)
    points = record[7], record[8], record[9]
    level = level or next((number for most, number in LEVELS if width * height <= most), 62)
    codec = f"vp09.{profile:02}.{level:02}.{depth:02}"
    said = colour(points, full_range)
    if (subsampling, said) not in ((0, None), (COLLOCATED, None)):
        codec += ".".join(("", *(f"{n:02}" for n in (subsampling, *points, full_range))))
        codec = codec.removesuffix(".01.01.01.01.00")
    return VideoConfig(
        codec=codec,
        width=width,
        height=height,
        frame_rate=0.0,
        nal_length_size=0,
        chroma_format={C422: 2, C444: 3}.get(subsampling, 1),
        bit_depth=depth,
        colour=said,
    )


def read_vp9(data: memoryview) -> AccessUnit:
    """Look at the head of a frame, or of the first one of a superframe.

    What does not begin like a frame is cut off whole. The head of a key frame goes into `sets`.
    """
    if not len(data) or data[0] >> 6 != FRAME_MARKER:
        return AccessUnit(data[:0], not len(data), False, False, [])
    head = bytes(data[:HEAD])
    try:
        key = _read_key_frame(head) is not None
    except BadRecord:
        return AccessUnit(data[:0], False, False, False, [])
    return AccessUnit(data, True, True, key, [head] if key else [])


def with_vp9_sets(record: bytes, sets: list[bytes]) -> bytes:
    """The record with the size, bit depth and subsampling of a key frame: the same one if it has
    them.

    Arguments:
        record: one that `parse_vpcc` takes.
        sets: of `read_vp9`.

    Raises:
        BadRecord: they make no record that can be used.
    """
    for head in sets:
        frame = _read_key_frame(head)
        if frame is None:
            continue
        packed = record[6]
        # Both values of 4:2:0 go with what a frame says.
        subsampling = packed >> 1 & 7
        if max(subsampling, COLLOCATED) != frame.subsampling:
            subsampling = frame.subsampling
        packed = frame.bit_depth << 4 | subsampling << 1 | frame.full_range
        changed = b"".join(
            (
                record[:4],
                bytes((frame.profile, record[5], packed)),
                record[7:RECORD],
                SIZE.pack(frame.width, frame.height),
            )
        )
        if changed != record:
            parse_vpcc(changed)
            record = changed
    return record


def vpcc(record: bytes) -> bytes:
    """The payload of a vpcC box."""
    return record[:RECORD]


def _read_key_frame(head: bytes) -> KeyFrame | None:
    """Read uncompressed_header() of a key frame; None for another frame.

    Raises:
        BadRecord: it is none.
    """
    bits = BitReader(head)
    bits.read(2)  # frame_marker
    low = bits.read(1)
    profile = bits.read(1) << 1 | low
    if profile == 3:
        bits.read(1)
    if bits.flag():
        return None  # shows a frame that is there already
    if bits.flag():
        return None  # not a key frame
    bits.read(2)  # show_frame, error_resilient_mode
    if bits.read(24) != SYNC_CODE:
        raise BadRecord("A VP9 key frame has no sync code.")
    depth = (12 if bits.flag() else 10) if profile >= 2 else 8
    space = bits.read(3)
    full_range, subsampling = True, C444
    if space != CS_RGB:
        full_range = bits.flag()
        subsampling = COLLOCATED
        if profile & 1:
            subsampling = {(1, 0): C422, (0, 0): C444}.get((bits.read(1), bits.read(1)), COLLOCATED)
    if profile & 1:
        bits.read(1)
    width, height = bits.read(16) + 1, bits.read(16) + 1
    if width > MAX_SIDE or height > MAX_SIDE:
        raise BadRecord("The VP9 picture is larger than 16384 pixels.")
    return KeyFrame(profile, depth, subsampling, full_range, width, height)
