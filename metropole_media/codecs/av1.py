"""AV1: the codec configuration record, and what a temporal unit holds.

Source: AV1 Codec ISO Media File Format Binding sections 2.3 (AV1CodecConfigurationRecord), 2.4
(samples), 2.5 (sync samples), 5 (codecs parameter); AV1 Bitstream & Decoding Process Specification
sections 5.8.3, 5.8.4 (HDR metadata), 5.9.2 (frame header).
"""

from __future__ import annotations

from metropole_media.codecs.av1_sequence import SequenceHeader, parse_sequence_header
from metropole_media.codecs.colour import colour, mastering_display, with_light
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.model import AccessUnit, VideoConfig
from metropole_media.codecs.nal import MAX_SETS
from metropole_media.codecs.obu import (
    FRAME,
    FRAME_HEADER,
    METADATA,
    PADDING,
    SEQUENCE_HEADER,
    TEMPORAL_DELIMITER,
    TILE_LIST,
    sized,
    walk,
)

MAX_RECORD = 64 * 1024
HEAD = 4
VERSION_1 = 0x81
"""marker and version"""
LEFT_OUT = frozenset({TEMPORAL_DELIMITER, TILE_LIST, PADDING})
"""What a sample shall not hold."""
SHOWN_KEY = 0x10
"""The first four bits of a frame header: show_existing_frame 0, frame_type 0, show_frame 1."""
LIGHT, MASTERING = 1, 2
"""metadata_type: one octet of leb128."""
SET_OCTETS = 4096
USUAL_POINTS = (1, 1, 1)
USUAL = ".0.110.01.01.01.0"


def parse_av1c(record: bytes) -> VideoConfig:
    """Read an AV1CodecConfigurationRecord (the payload of an av1C box).

    Without a sequence header in it, width and height are 0 until `with_av1_sets` has put in the
    one of the first key frame.

    Raises:
        BadRecord: the record cannot be used; says why.
    """
    sequence, others = _record_units(record)
    if not sequence:
        second, third = record[1], record[2]
        depth = 8 if not third & 0x40 else 12 if third & 0x20 else 10
        chroma = _chroma(bool(third & 0x10), (third >> 3 & 1, third >> 2 & 1))
        codec = _name(second >> 5, second & 31, third >> 7, depth)
        return VideoConfig(codec, 0, 0, 0.0, 0, chroma, depth, with_light(None, *_light(others)))
    header = parse_sequence_header(_payload(sequence))
    samples = header.samples
    return VideoConfig(
        codec=_codec(header),
        width=header.width,
        height=header.height,
        frame_rate=header.frame_rate,
        nal_length_size=0,
        chroma_format=_chroma(samples.monochrome, samples.subsampling),
        bit_depth=samples.bit_depth,
        colour=with_light(colour(samples.points, samples.full_range), *_light(others)),
        start=sequence,
    )


def read_temporal_unit(data: memoryview, config: VideoConfig) -> AccessUnit:
    """Walk the units of a frame.

    What cannot be read is cut off; temporal delimiters and padding are left out. A key frame
    that is shown makes a key frame, whatever the container claims. Where it comes without the
    sequence header, as some encoders send it that told it before, that of the configuration is
    put in front of it: a decoder could not begin here otherwise.
    """
    kept: list[tuple[int, int]] = []  # what is handed on: where it begins and ends
    at = 0
    sets: list[bytes] = []
    picture = key = sequence = False
    for unit in walk(data):
        at = unit.end
        if unit.kind in LEFT_OUT:
            continue
        if kept and kept[-1][1] == unit.start:
            kept[-1] = kept[-1][0], unit.end
        else:
            kept.append((unit.start, unit.end))
        if unit.kind in (FRAME, FRAME_HEADER):
            if not picture and unit.payload < unit.end:
                picture, key = True, data[unit.payload] & 0xF0 == SHOWN_KEY
        elif unit.kind == SEQUENCE_HEADER or (
            unit.kind == METADATA and not picture and _is_light(data[unit.payload : unit.end])
        ):
            sequence = sequence or unit.kind == SEQUENCE_HEADER
            if len(sets) < MAX_SETS and unit.end - unit.payload <= SET_OCTETS:
                sets.append(sized(unit.kind, data[unit.payload : unit.end]))
    whole = at == len(data)
    start = config.start if key and not sequence else b""
    return AccessUnit(_joined(data, kept, start), whole, picture, key, sets)


def with_av1_sets(record: bytes, sets: list[bytes]) -> bytes:
    """The record that goes with a sequence header and HDR metadata found inside a frame: the
    same one if it holds them, else one in which they replace those of their kind.

    Arguments:
        record: one that `parse_av1c` takes.

    Raises:
        BadRecord: they make no record that can be used.
    """
    before, others = _record_units(record)
    sequence = next((unit for unit in sets if _kind(unit) == SEQUENCE_HEADER), before)
    light = {_payload(unit)[0]: unit for unit in (*others, *sets) if _is_light_unit(unit)}
    kept = [unit for unit in others if not _is_light_unit(unit)]
    if _payload(sequence) == _payload(before) and all(u in others for u in light.values()):
        return record
    head = record[:HEAD]
    if sequence:
        head = _head(parse_sequence_header(_payload(sequence)), record[3])
    changed = b"".join((head, sequence, *kept, *light.values()))
    parse_av1c(changed)
    return changed


def _joined(data: memoryview, kept: list[tuple[int, int]], start: bytes) -> memoryview:
    """Those pieces behind `start`; copied only where there is more than one."""
    if not start and len(kept) <= 1:
        begin, end = kept[0] if kept else (0, 0)
        return data[begin:end]
    return memoryview(start + b"".join(data[begin:end] for begin, end in kept))


def _head(header: SequenceHeader, delay: int) -> bytes:
    """What stands in front of the units; the delay is the container's own."""
    samples = header.samples
    across, down = samples.subsampling
    depth = (samples.bit_depth > 8) << 6 | (samples.bit_depth == 12) << 5
    chroma = samples.monochrome << 4 | across << 3 | down << 2 | samples.position
    return bytes(
        (VERSION_1, header.profile << 5 | header.level, header.tier << 7 | depth | chroma, delay)
    )


def _codec(header: SequenceHeader) -> str:
    """The codecs parameter: its second half is left out where all of it is as it usually is."""
    samples = header.samples
    short = _name(header.profile, header.level, header.tier, samples.bit_depth)
    primaries, transfer, matrix = samples.points or USUAL_POINTS
    across, down = samples.subsampling
    long = (
        f".{samples.monochrome:d}.{across}{down}{samples.position}"
        f".{primaries:02}.{transfer:02}.{matrix:02}.{samples.full_range:d}"
    )
    return short if long == USUAL else short + long


def _name(profile: int, level: int, tier: int, depth: int) -> str:
    return f"av01.{profile}.{level:02}{'MH'[tier]}.{depth:02}"


def _chroma(monochrome: bool, subsampling: tuple[int, int]) -> int:
    return 0 if monochrome else {(1, 1): 1, (1, 0): 2}.get(subsampling, 3)


def _kind(unit: bytes) -> int:
    return unit[0] >> 3 & 15


def _payload(unit: bytes) -> bytes:
    """What a unit holds, of one that `sized` wrote."""
    return next((unit[found.payload : found.end] for found in walk(unit)), b"")


def _is_light(payload: memoryview | bytes) -> bool:
    """Whether metadata of that payload is about HDR."""
    return len(payload) >= 5 and payload[0] in (LIGHT, MASTERING)


def _is_light_unit(unit: bytes) -> bool:
    return _kind(unit) == METADATA and _is_light(_payload(unit))


def _light(units: list[bytes]) -> tuple[bytes, bytes]:
    """Mastering display and content light level, as the boxes hold them."""
    mastering, light = b"", b""
    for unit in units:
        if not _is_light_unit(unit):
            continue
        payload = _payload(unit)
        if payload[0] == LIGHT:
            light = payload[1:5]
        elif len(payload) >= 25:
            red, green, blue, white = (
                tuple(int.from_bytes(payload[at : at + 2], "big") / (1 << 16) for at in (i, i + 2))
                for i in (1, 5, 9, 13)
            )
            brightest = int.from_bytes(payload[17:21], "big") / (1 << 8)
            darkest = int.from_bytes(payload[21:25], "big") / (1 << 14)
            mastering = mastering_display((*green, *blue, *red, *white), brightest, darkest)
    return mastering, light


def _record_units(record: bytes) -> tuple[bytes, list[bytes]]:
    """The sequence header of a record (empty without one) and its other units."""
    if len(record) > MAX_RECORD:
        raise BadRecord("The AV1 configuration is longer than 64 KiB.")
    if len(record) < HEAD:
        raise BadRecord("The AV1 configuration is cut off.")
    if record[0] != VERSION_1:
        raise BadRecord("The AV1 configuration has an unknown version.")
    sequence, others, at = b"", [], HEAD
    for unit in walk(record[HEAD:]):
        at = HEAD + unit.end
        octets = sized(unit.kind, record[HEAD + unit.payload : at])
        if unit.kind == SEQUENCE_HEADER:
            sequence = sequence or octets
        elif unit.kind not in LEFT_OUT:
            others.append(octets)
    if at != len(record):
        raise BadRecord("The AV1 configuration is cut off.")
    return sequence, others
