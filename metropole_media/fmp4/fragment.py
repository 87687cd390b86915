"""Fragments: one moof with a traf for each track, one mdat.

Source: ISO/IEC 14496-12 section 8.8 (moof, mfhd, traf, tfhd, tfdt, trun). Knows tracks by
number only; what they hold does not matter.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from metropole_media.fmp4.boxes import full_box

SYNC = 0x02000000
"""sample_depends_on 2: decoding can begin here."""
NOT_SYNC = 0x01010000
"""sample_depends_on 1, sample_is_non_sync_sample."""

DEFAULT_BASE_IS_MOOF = 0x020000
DEFAULT_FLAGS = 0x20
MAX_OCTETS = (1 << 31) - (1 << 24)
"""A data offset has 32 bits with a sign."""
DATA_OFFSET, DURATION, SIZE, FLAGS, OFFSET = 0x1, 0x100, 0x200, 0x400, 0x800


@dataclass(slots=True)
class Sample:
    """A frame in a fragment.

    Fields:
        data: the payload.
        duration: ticks until the next sample is decoded.
        key: whether decoding can begin here.
        offset: presentation time minus decode time, in ticks; may be negative.
    """

    data: bytes | bytearray | memoryview
    duration: int
    key: bool
    offset: int


@dataclass(slots=True)
class Run:
    """The samples of one track in a fragment.

    Fields:
        number: track_ID.
        decode_time: of the first sample, in ticks.
        samples: at least one.
    """

    number: int
    decode_time: int
    samples: Sequence[Sample]


def fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """A moof and its mdat.

    Arguments:
        sequence: number of the fragment, growing.
        runs: in the order in which their data is laid down.

    Raises:
        ValueError: more than `MAX_OCTETS` of samples.
    """
    data = [sample.data for run in runs for sample in run.samples]
    data_size = sum(map(len, data))
    if data_size > MAX_OCTETS:
        raise ValueError("a fragment may hold at most 2 GiB")
    heads = [_head(run) for run in runs]
    # mfhd and moof take 24 octets; each traf its own 8, and a trun's head of 20.
    moof_size = 24 + sum(8 + len(head) + 20 + len(table) for head, _, table in heads)
    out: list[bytes | bytearray | memoryview] = [
        struct.pack(">I4s", moof_size, b"moof"),
        full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF)),
    ]
    at = moof_size + 8
    for run, (head, flags, table) in zip(runs, heads, strict=True):
        trun = 20 + len(table)
        out += (
            struct.pack(">I4s", 8 + len(head) + trun, b"traf"),
            head,
            struct.pack(">I4sIIi", trun, b"trun", 1 << 24 | flags, len(run.samples), at),
            table,
        )
        at += sum(len(sample.data) for sample in run.samples)
    out.append(struct.pack(">I4s", 8 + data_size, b"mdat"))
    out += data
    return b"".join(out)


def _head(run: Run) -> tuple[bytes, int, bytes]:
    """tfhd and tfdt; the trun's flags; its table."""
    plain = not any(sample.offset or not sample.key for sample in run.samples)
    if plain:
        header = full_box(
            b"tfhd", 0, DEFAULT_BASE_IS_MOOF | DEFAULT_FLAGS, struct.pack(">II", run.number, SYNC)
        )
        flags = DATA_OFFSET | DURATION | SIZE
        values = [x for sample in run.samples for x in (sample.duration, len(sample.data))]
    else:
        header = full_box(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.number))
        flags = DATA_OFFSET | DURATION | SIZE | FLAGS | OFFSET
        values = [
            x
            for sample in run.samples
            for x in (
                sample.duration,
                len(sample.data),
                SYNC if sample.key else NOT_SYNC,
                sample.offset & 0xFFFFFFFF,
            )
        ]
    decode_time = full_box(b"tfdt", 1, 0, struct.pack(">Q", run.decode_time))
    return header + decode_time, flags, struct.pack(f">{len(values)}I", *values)
