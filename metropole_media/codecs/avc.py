"""H.264: the decoder configuration record, and what a frame holds.

Source: ISO/IEC 14496-15 section 5.3.3.1 (AVCDecoderConfigurationRecord), RFC 6381 section 3.3.
"""

from __future__ import annotations

from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.model import AccessUnit, VideoConfig
from metropole_media.codecs.nal import (
    LENGTHS,
    MAX_NAL_UNITS,
    MAX_SEI_UNITS,
    MAX_SET_OCTETS,
    MAX_SETS,
    sei_messages,
)
from metropole_media.codecs.sps import WITH_CHROMA, parse_sps

MAX_RECORD = 64 * 1024

IDR, SEI, SPS, PPS = 5, 6, 7, 8
RECOVERY_POINT = 6


def parse_avcc(record: bytes) -> VideoConfig:
    """Read an AVCDecoderConfigurationRecord (the payload of an avcC box).

    Raises:
        BadRecord: the record cannot be used; says why.
    """
    if len(record) > MAX_RECORD:
        raise BadRecord("The H.264 configuration is longer than 64 KiB.")
    if len(record) < 7:
        raise BadRecord("The H.264 configuration is cut off.")
    if record[0] != 1:
        raise BadRecord(f"The H.264 configuration has version {record[0]} instead of 1.")
    length_size = (record[4] & 3) + 1
    if length_size == 3:
        raise BadRecord("The H.264 configuration names a NAL length of 3 octets.")
    sets, at = _units(record, 6, record[5] & 0x1F)
    if not sets:
        raise BadRecord("The H.264 configuration holds no sequence parameter set.")
    if at >= len(record):
        raise BadRecord("The H.264 configuration is cut off.")
    pictures, _ = _units(record, at + 1, record[at])
    if not pictures:
        raise BadRecord("The H.264 configuration holds no picture parameter set.")
    sps = parse_sps(sets[0])
    return VideoConfig(
        codec=f"avc1.{sps.profile:02x}{sps.compatibility:02x}{sps.level:02x}",
        width=sps.width,
        height=sps.height,
        frame_rate=sps.frame_rate,
        nal_length_size=length_size,
        chroma_format=sps.chroma_format,
        bit_depth=sps.bit_depth,
        colour=sps.colour,
    )


def read_access_unit(data: memoryview, nal_length_size: int, flagged: bool) -> AccessUnit:
    """Walk the NAL units of a frame.

    What cannot be read is cut off, because browsers give up a stream for one wrong length. An
    IDR slice makes a key frame. Without one, what the container claims counts only together with
    a recovery point (open groups of pictures): some encoders flag every I frame.

    Arguments:
        data: NAL units, each with its length in front.
        nal_length_size: `VideoConfig.nal_length_size`.
        flagged: whether the container calls it a key frame.
    """
    at, end = 0, len(data)
    picture = key = recovery = False
    messages = 0
    sets: list[bytes] = []
    length = LENGTHS[nal_length_size].unpack_from
    for _ in range(MAX_NAL_UNITS):
        start = at + nal_length_size
        if start >= end:
            break
        size: int = length(data, at)[0]
        if not 0 < size <= end - start:
            break
        at = start + size
        kind = data[start] & 0x1F
        if 1 <= kind <= IDR:
            if not picture:
                picture = True
                key = kind == IDR or (flagged and recovery)
        elif kind in (SPS, PPS):
            if len(sets) < MAX_SETS and size <= MAX_SET_OCTETS:
                sets.append(bytes(data[start:at]))
        elif kind == SEI and flagged and not picture and messages < MAX_SEI_UNITS:
            messages += 1
            recovery = recovery or any(
                message == RECOVERY_POINT for message, _ in sei_messages(data[start + 1 : at])
            )
    return AccessUnit(data if at == end else data[:at], at == end, picture, key, sets)


def with_sets(record: bytes, sets: list[bytes]) -> bytes:
    """The record that goes with parameter sets found inside a frame: the same one if it holds
    them all, else one in which they replace those of their kind.

    Arguments:
        record: one that `parse_avcc` takes.

    Raises:
        BadRecord: they make no record that can be used.
    """
    known, at = _units(record, 6, record[5] & 0x1F)
    pictures, at = _units(record, at + 1, record[at])
    if all(unit in known or unit in pictures for unit in sets):
        return record
    sequences = [unit for unit in sets if unit[0] & 0x1F == SPS] or known
    pictures = [unit for unit in sets if unit[0] & 0x1F == PPS] or pictures
    sps = parse_sps(sequences[0])
    rest = record[at:] if sequences is known else b""
    if not rest and sps.profile in WITH_CHROMA:
        depth = 0xF8 | sps.bit_depth - 8
        rest = bytes((0xFC | sps.chroma_format, depth, depth, 0))
    changed = b"".join(
        (
            bytes((1, sps.profile, sps.compatibility, sps.level, record[4])),
            bytes((0xE0 | len(sequences),)),
            *(len(unit).to_bytes(2, "big") + unit for unit in sequences),
            bytes((len(pictures),)),
            *(len(unit).to_bytes(2, "big") + unit for unit in pictures),
            rest,
        )
    )
    parse_avcc(changed)
    return changed


def _units(record: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        unit = record[at + 2 : at + 2 + size]
        if at + 2 > len(record) or size == 0 or len(unit) != size:
            raise BadRecord("The H.264 configuration is cut off.")
        units.append(unit)
        at += 2 + size
    return units, at
