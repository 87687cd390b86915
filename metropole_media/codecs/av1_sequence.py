"""The sequence header of AV1: profile, level, picture size, timing and colour.

Source: AV1 Bitstream & Decoding Process Specification sections 5.5 (syntax), 6.4 (meaning).
"""

from __future__ import annotations

from dataclasses import dataclass

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import BadRecord

MAX_OCTETS = 4096
MAX_SIDE = 16384
MAX_TICKS = 1024
"""Ticks that a picture lasts; more is no frame rate."""
LAST_LEVEL_WITHOUT_TIER = 7
BT_709, SRGB, IDENTITY = 1, 13, 0


@dataclass(frozen=True, slots=True)
class ColorConfig:
    """color_config(): what samples are.

    Fields:
        bit_depth: 8, 10 or 12.
        monochrome: no chroma.
        subsampling: chroma is halved across, and down.
        position: chroma_sample_position, 0 when it is not known.
        points: primaries, transfer and matrix; None when they are not described.
        full_range: samples use all values.
    """

    bit_depth: int
    monochrome: bool
    subsampling: tuple[int, int]
    position: int
    points: tuple[int, int, int] | None
    full_range: bool


@dataclass(frozen=True, slots=True)
class SequenceHeader:
    """What a sequence header says.

    Fields:
        profile, level, tier: seq_profile, seq_level_idx and seq_tier of operating point 0.
        width, height: pixels at most.
        frame_rate: frames a second, 0.0 when the header does not say it.
        samples: bit depth, subsampling, colour.
    """

    profile: int
    level: int
    tier: int
    width: int
    height: int
    frame_rate: float
    samples: ColorConfig


def parse_sequence_header(payload: bytes) -> SequenceHeader:
    """Read a sequence header OBU without its own header.

    Raises:
        BadRecord: cut off, senseless, or larger than 16384 pixels in one direction.
    """
    if len(payload) > MAX_OCTETS:
        raise BadRecord("The AV1 sequence header is too long.")
    bits = BitReader(payload)
    profile = bits.read(3)
    if profile > 2:
        raise BadRecord("The AV1 sequence header names an unknown profile.")
    bits.read(1)  # still_picture
    if bits.flag():
        raise BadRecord("The AV1 sequence header is that of a single picture.")
    level, tier, frame_rate = _operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    if width > MAX_SIDE or height > MAX_SIDE:
        raise BadRecord("The AV1 picture is larger than 16384 pixels.")
    _skip_tools(bits)
    samples = _color_config(bits, profile)
    return SequenceHeader(profile, level, tier, width, height, frame_rate, samples)


def _operating_points(bits: BitReader) -> tuple[int, int, float]:
    """Level and tier of the first one, which is the whole stream, and the frame rate."""
    frame_rate, delay_bits = 0.0, 0
    if bits.flag():
        frame_rate = _timing(bits)
        if bits.flag():
            delay_bits = bits.read(5) + 1
            bits.read(32 + 5 + 5)
    delays = bits.flag()
    level = tier = 0
    for number in range(bits.read(5) + 1):
        bits.read(12)  # operating_point_idc
        this_level = bits.read(5)
        this_tier = bits.read(1) if this_level > LAST_LEVEL_WITHOUT_TIER else 0
        if delay_bits and bits.flag():
            bits.read(2 * delay_bits + 1)
        if delays and bits.flag():
            bits.read(4)
        if number == 0:
            level, tier = this_level, this_tier
    return level, tier, frame_rate


def _timing(bits: BitReader) -> float:
    units, scale = bits.read(32), bits.read(32)
    # Without equal intervals a tick says nothing about frames.
    ticks = bits.uvlc() + 1 if bits.flag() else 0
    return scale / (units * ticks) if units and scale and 0 < ticks <= MAX_TICKS else 0.0


def _skip_tools(bits: BitReader) -> None:
    """From frame_id_numbers_present_flag to enable_restoration."""
    if bits.flag():
        bits.read(7)
    bits.read(3)  # superblocks, filter intra, intra edge filter
    bits.read(4)  # compound prediction, warped motion, dual filter
    order_hint = bits.flag()
    if order_hint:
        bits.read(2)
    # Both choices have a value that stands for "each frame says it".
    screen_content = bits.flag() or bits.flag()
    if screen_content and not bits.flag():
        bits.read(1)
    if order_hint:
        bits.read(3)
    bits.read(3)  # superres, cdef, restoration


def _color_config(bits: BitReader, profile: int) -> ColorConfig:
    bit_depth = 10 if bits.flag() else 8
    if profile == 2 and bit_depth == 10 and bits.flag():
        bit_depth = 12
    monochrome = bits.flag() if profile != 1 else False
    points = (bits.read(8), bits.read(8), bits.read(8)) if bits.flag() else None
    if monochrome:
        return ColorConfig(bit_depth, True, (1, 1), 0, points, bits.flag())
    if points == (BT_709, SRGB, IDENTITY):
        return ColorConfig(bit_depth, False, (0, 0), 0, points, True)
    full_range = bits.flag()
    if profile == 0:
        subsampling = (1, 1)
    elif profile == 1:
        subsampling = (0, 0)
    elif bit_depth == 12:
        across = bits.read(1)
        subsampling = (across, bits.read(1) if across else 0)
    else:
        subsampling = (1, 0)
    position = bits.read(2) if subsampling == (1, 1) else 0
    return ColorConfig(bit_depth, False, subsampling, position, points, full_range)
