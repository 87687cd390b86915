"""HEVC: the decoder configuration record, and what a frame holds.

Source: ISO/IEC 14496-15 sections 8.3.3.1 (HEVCDecoderConfigurationRecord) and E.3 (codecs
parameter); ITU-T H.265 sections 7.3.1 (NAL units), D.2.28 and D.2.35 (HDR messages).
"""

from __future__ import annotations

from metropole_media.codecs.colour import LIGHT_OCTETS, MASTERING_OCTETS, with_light
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.hevc_sps import SPS, HevcSps, parse_hevc_sps
from metropole_media.codecs.model import AccessUnit, VideoConfig
from metropole_media.codecs.nal import (
    LENGTHS,
    MAX_NAL_UNITS,
    MAX_SEI_UNITS,
    MAX_SET_OCTETS,
    MAX_SETS,
    sei_messages,
    with_emulation,
    without_emulation,
)

MAX_RECORD = 64 * 1024
HEAD = 23
"""Octets in front of the arrays."""
MAX_UNITS = 256
"""NAL units in a record."""
VPS, PPS, SEI = 32, 34, 39
PARAMETER_SETS = (VPS, SPS, PPS)
IRAP = range(16, 22)
"""Pictures with which decoding can begin: BLA, IDR and CRA."""
MAX_SLICE_TYPE = 31
MASTERING, LIGHT = 137, 144
COMPLETE = 0x80
"""array_completeness"""
SPLIT_COMPATIBILITY = 5
"""Octets 1 to 5 of the general profile."""


def parse_hvcc(record: bytes) -> VideoConfig:
    """Read an HEVCDecoderConfigurationRecord (the payload of an hvcC box).

    Raises:
        BadRecord: the record cannot be used; says why.
    """
    units = _record_units(record)
    length_size = (record[21] & 3) + 1
    if length_size == 3:
        raise BadRecord("The HEVC configuration names a NAL length of 3 octets.")
    by_kind = {kind: [unit for unit in units if _kind(unit) == kind] for kind in PARAMETER_SETS}
    for kind, name in ((SPS, "sequence"), (PPS, "picture"), (VPS, "video")):
        if not by_kind[kind]:
            raise BadRecord(f"The HEVC configuration holds no {name} parameter set.")
    sps = parse_hevc_sps(by_kind[SPS][0])
    return VideoConfig(
        codec=_codec(sps.general),
        width=sps.width,
        height=sps.height,
        frame_rate=sps.frame_rate,
        nal_length_size=length_size,
        chroma_format=sps.chroma_format,
        bit_depth=sps.bit_depth,
        colour=with_light(sps.colour, *_light(units)),
    )


def read_hevc(data: memoryview, nal_length_size: int) -> AccessUnit:
    """Walk the NAL units of a frame. What cannot be read is cut off.

    Any picture of a random access point makes a key frame: pictures that lead one and need those
    before it are left out by a decoder that begins there. What the container claims does not
    count.

    Arguments:
        data: NAL units, each with its length in front.
        nal_length_size: `VideoConfig.nal_length_size`.
    """
    at, end = 0, len(data)
    picture = key = False
    messages = 0
    sets: list[bytes] = []
    length = LENGTHS[nal_length_size].unpack_from
    for _ in range(MAX_NAL_UNITS):
        start = at + nal_length_size
        if start >= end:
            break
        size: int = length(data, at)[0]
        if not 2 <= size <= end - start:
            break
        at = start + size
        kind = data[start] >> 1 & 0x3F
        if kind <= MAX_SLICE_TYPE:
            if not picture:
                picture, key = True, kind in IRAP
        elif len(sets) >= MAX_SETS or size > MAX_SET_OCTETS:
            continue
        elif kind in PARAMETER_SETS:
            sets.append(bytes(data[start:at]))
        elif kind == SEI and not picture and messages < MAX_SEI_UNITS:
            messages += 1
            if _has_light(data[start + 2 : at]):
                sets.append(bytes(data[start:at]))
    return AccessUnit(data if at == end else data[:at], at == end, picture, key, sets)


def with_hevc_sets(record: bytes, sets: list[bytes]) -> bytes:
    """The record that goes with parameter sets and HDR messages found inside a frame: the same
    one if it holds them all, else one in which they replace those of their kind.

    Arguments:
        record: one that `parse_hvcc` takes.

    Raises:
        BadRecord: they make no record that can be used.
    """
    known = _record_units(record)
    parameters = [unit for unit in sets if _kind(unit) in PARAMETER_SETS]
    before, found = _light(known), _light(sets)
    # A message that the frame does not repeat stays.
    light = found[0] or before[0], found[1] or before[1]
    if light == before and all(unit in known for unit in parameters):
        return record
    arrays = {
        kind: [unit for unit in parameters if _kind(unit) == kind]
        or [unit for unit in known if _kind(unit) == kind]
        for kind in PARAMETER_SETS
    }
    arrays[SEI] = [unit for unit in known if _kind(unit) == SEI]
    if light != before:
        arrays[SEI] = [_light_unit(*light)]
    sps = parse_hevc_sps(arrays[SPS][0])
    changed = _head(record, sps) + _written(arrays)
    parse_hvcc(changed)
    return changed


def _head(record: bytes, sps: HevcSps) -> bytes:
    return b"".join(
        (
            b"\x01",
            sps.general,
            record[13:16],  # spatial segmentation and parallelism: hints
            bytes((0xFC | sps.chroma_format, 0xF8 | sps.bit_depth - 8)),
            bytes((0xF8 | sps.chroma_bit_depth - 8,)),
            bytes((0, 0)),  # average frame rate: not known
            bytes((sps.sub_layers << 3 | sps.nested << 2 | record[21] & 3,)),
        )
    )


def _written(arrays: dict[int, list[bytes]]) -> bytes:
    filled = {kind: units for kind, units in arrays.items() if units}
    parts = [bytes((len(filled),))]
    for kind, units in filled.items():
        parts += (bytes((COMPLETE | kind,)), len(units).to_bytes(2, "big"))
        parts += (len(unit).to_bytes(2, "big") + unit for unit in units)
    return b"".join(parts)


def _codec(general: bytes) -> str:
    """The codecs parameter of 14496-15 section E.3."""
    space = ("", "A", "B", "C")[general[0] >> 6]
    tier = "H" if general[0] & 0x20 else "L"
    flags = int(f"{int.from_bytes(general[1:SPLIT_COMPATIBILITY], 'big'):032b}"[::-1], 2)
    constraints = general[SPLIT_COMPATIBILITY:11].rstrip(b"\0")
    return ".".join(
        (
            "hvc1",
            f"{space}{general[0] & 0x1F}",
            f"{flags:X}",
            f"{tier}{general[11]}",
            *(f"{octet:02X}" for octet in constraints),
        )
    )


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _has_light(payload: memoryview) -> bool:
    return any(kind in (MASTERING, LIGHT) for kind, _ in sei_messages(payload))


def _light(units: list[bytes]) -> tuple[bytes, bytes]:
    """Mastering display and content light level, as the boxes hold them: the same octets."""
    mastering, light = b"", b""
    for unit in units:
        if _kind(unit) != SEI:
            continue
        for kind, payload in sei_messages(without_emulation(unit[2:])):
            if kind == MASTERING and len(payload) >= MASTERING_OCTETS:
                mastering = bytes(payload[:MASTERING_OCTETS])
            elif kind == LIGHT and len(payload) >= LIGHT_OCTETS:
                light = bytes(payload[:LIGHT_OCTETS])
    return mastering, light


def _light_unit(mastering: bytes, light: bytes) -> bytes:
    """An SEI unit that says that and nothing else."""
    messages = b"".join(
        bytes((kind, len(payload))) + payload
        for kind, payload in ((MASTERING, mastering), (LIGHT, light))
        if payload
    )
    return bytes((SEI << 1, 1)) + with_emulation(messages + b"\x80")


def _record_units(record: bytes) -> list[bytes]:
    """All NAL units of a record."""
    if len(record) > MAX_RECORD:
        raise BadRecord("The HEVC configuration is longer than 64 KiB.")
    if len(record) < HEAD:
        raise BadRecord("The HEVC configuration is cut off.")
    if record[0] != 1:
        raise BadRecord(f"The HEVC configuration has version {record[0]} instead of 1.")
    units: list[bytes] = []
    at = HEAD
    for _ in range(record[22]):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        if at + 3 > len(record):
            raise BadRecord("The HEVC configuration is cut off.")
        if len(units) + count > MAX_UNITS:
            raise BadRecord("The HEVC configuration holds too many parameter sets.")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            unit = record[at + 2 : at + 2 + size]
            if at + 2 > len(record) or size < 2 or len(unit) != size:
                raise BadRecord("The HEVC configuration is cut off.")
            units.append(unit)
            at += 2 + size
    return units
