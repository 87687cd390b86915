"""The initialisation segment: ftyp and moov.

Source: ISO/IEC 14496-12 sections 4.3 (ftyp) and 8.2 to 8.8 (moov and what it holds). Several
tracks lie in one file, so this is no CMAF track and does not claim its brand.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from metropole_media.fmp4.boxes import box, full_box
from metropole_media.fmp4.sample_entries import sample_entry
from metropole_media.live import Track

MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
UNDETERMINED = 0x55C4
"""Language "und", three letters of five bits."""
ENABLED_IN_MOVIE = 3
SELF_CONTAINED = 1
MOVIE_TIMESCALE = 1000
FULL_VOLUME = 0x0100


@dataclass(frozen=True, slots=True)
class TrackEntry:
    """A track of the file.

    Fields:
        number: track_ID, from 1.
        timescale: ticks a second of its fragments.
        track: its codec and configuration.
    """

    number: int
    timescale: int
    track: Track


def init_segment(entries: Sequence[TrackEntry]) -> bytes:
    """The initialisation segment for these tracks.

    Raises:
        ValueError: a codec that cannot be written.
    """
    return box(
        b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6", b"iso5", b"mp41"
    ) + box(
        b"moov",
        _movie_header(max(entry.number for entry in entries) + 1),
        *map(_track, entries),
        box(b"mvex", *(_track_extends(entry.number) for entry in entries)),
    )  # fmt: skip


def _movie_header(next_number: int) -> bytes:
    return full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">IIII", 0, 0, MOVIE_TIMESCALE, 0),
        struct.pack(">IH10x", 0x10000, FULL_VOLUME),
        MATRIX,
        bytes(24),
        struct.pack(">I", next_number),
    )


def _track(entry: TrackEntry) -> bytes:
    track = entry.track
    video = track.kind == "video"
    header = full_box(
        b"tkhd",
        0,
        ENABLED_IN_MOVIE,
        struct.pack(">IIIII", 0, 0, entry.number, 0, 0),
        struct.pack(">8xhhHH", 0, 0, 0 if video else FULL_VOLUME, 0),
        MATRIX,
        struct.pack(">II", track.width << 16, track.height << 16),
    )
    media_header = full_box(
        b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, entry.timescale, 0, UNDETERMINED, 0)
    )
    handler = full_box(
        b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide" if video else b"soun"), track.kind.encode()
        + b"\0",
    )  # fmt: skip
    kind_header = (
        full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    )  # fmt: skip
    references = box(
        b"dinf",
        full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, SELF_CONTAINED)),
    )
    table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(track)),
        # The samples themselves lie in the fragments.
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    return box(
        b"trak",
        header,
        box(b"mdia", media_header, handler, box(b"minf", kind_header, references, table)),
    )


def _track_extends(number: int) -> bytes:
    return full_box(b"trex", 0, 0, struct.pack(">IIIII", number, 1, 0, 0, 0))
