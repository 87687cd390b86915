"""Fragmented MP4 read as it arrives: octets in, tracks and samples out (sans-IO).

Made for what another program writes into a pipe: one moov, then fragments whose samples lie in
the mdat behind their moof. Samples that a moov itself describes, edit lists and encryption are not
read.

Source: ISO/IEC 14496-12 sections 4.2 (boxes) and 8.8 (moof, traf, tfhd, tfdt, trun).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metropole_media.fmp4.movie import BadFile, MovieTrack, boxes, parse_movie

MAX_DESCRIPTION = 1 << 20
"""Octets of a moov or a moof."""
MAX_DATA = 64 << 20
"""Octets of an mdat."""
MAX_SAMPLES = 20_000
"""Samples of a fragment."""

NON_SYNC = 0x010000
BASE_IS_MOOF = 0x020000
BASE_OFFSET, DESCRIPTION, HAS_DURATION, HAS_SIZE, HAS_FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
DATA_OFFSET, FIRST_FLAGS, DURATION, SIZE, FLAGS, OFFSET = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
HELD = (b"moov", b"moof", b"mdat")
"""Boxes that are needed whole; others are passed over as they arrive."""


@dataclass(frozen=True, slots=True)
class Movie:
    """The tracks are known."""

    tracks: tuple[MovieTrack, ...]


@dataclass(frozen=True, slots=True)
class ReadSample:
    """A frame.

    Fields:
        number: track_ID.
        dts, pts: decode and presentation time in the track's timescale.
        duration: ticks.
        key: whether decoding can begin here.
        data: the payload.
    """

    number: int
    dts: int
    pts: int
    duration: int
    key: bool
    data: bytes


@dataclass(slots=True)
class _Entry:
    """A sample whose data has not arrived: where it lies in the file."""

    number: int
    dts: int
    pts: int
    duration: int
    key: bool
    at: int
    size: int


class FragmentReader:
    """Reads one file from its beginning.

    Arguments:
        max_data: octets of an mdat at most.
    """

    def __init__(self, max_data: int = MAX_DATA) -> None:
        self._max_data = max_data
        self._buffer = bytearray()
        self._at = 0  # of the buffer's first octet in the file
        self._skip = 0
        self._tracks: dict[int, MovieTrack] = {}
        self._next: dict[int, int] = {}
        self._waiting: list[_Entry] = []

    @property
    def held(self) -> int:
        """Octets that wait for the rest of their box."""
        return len(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Movie | ReadSample]:
        """What has become known, in the order of the file.

        Raises:
            BadFile: it cannot be read; the reader is of no use any more.
        """
        out: list[Movie | ReadSample] = []
        self._buffer += data
        while True:
            if self._skip:
                gone = min(self._skip, len(self._buffer))
                self._drop(gone)
                self._skip -= gone
                if self._skip:
                    return out
            if len(self._buffer) < 8:
                return out
            size, kind = struct.unpack_from(">I4s", self._buffer)
            head = 8
            if size == 1:
                if len(self._buffer) < 16:
                    return out
                (size,) = struct.unpack_from(">Q", self._buffer, 8)
                head = 16
            if size < head:
                raise BadFile(f"a box of {size} octets: {kind!r}")
            if kind not in HELD or (kind == b"mdat" and not self._waiting):
                self._skip = size
                continue
            if size > (self._max_data if kind == b"mdat" else MAX_DESCRIPTION):
                raise BadFile(f"a box that is too long: {kind!r} of {size} octets")
            if len(self._buffer) < size:
                return out
            self._box(kind, bytes(self._buffer[head:size]), head, out)
            self._drop(size)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at += count

    def _box(self, kind: bytes, payload: bytes, head: int, out: list[Movie | ReadSample]) -> None:
        if kind == b"moov":
            tracks = parse_movie(memoryview(payload))
            self._tracks = {track.number: track for track in tracks}
            self._next = {}
            out.append(Movie(tracks))
        elif kind == b"moof":
            try:
                self._fragment(memoryview(payload))
            except (struct.error, IndexError):
                raise BadFile("a fragment is cut off") from None
        else:
            out += self._cut(payload, self._at + head)

    def _cut(self, data: bytes, start: int) -> list[ReadSample]:
        """The samples that wait, out of the mdat whose payload begins at `start`."""
        waiting, self._waiting = self._waiting, []
        # Each octet belongs to one sample: a small file cannot become a large amount of memory.
        if sum(entry.size for entry in waiting) > len(data):
            raise BadFile("the samples of a fragment are longer than its data")
        for entry in waiting:
            if not 0 <= entry.at - start <= len(data) - entry.size:
                raise BadFile("a sample does not lie in the data of its fragment")
        return [
            ReadSample(
                entry.number,
                entry.dts,
                entry.pts,
                entry.duration,
                entry.key,
                data[entry.at - start : entry.at - start + entry.size],
            )
            for entry in waiting
        ]

    def _fragment(self, payload: memoryview) -> None:
        if not self._tracks:
            raise BadFile("a fragment before the description of the tracks")
        self._waiting = []
        end = self._at  # where the data of the track before ended
        for kind, fragment in boxes(payload):
            if kind == b"traf":
                end = self._runs(fragment, end)

    def _runs(self, payload: memoryview, end: int) -> int:
        """The runs of one track; returns where their data ends."""
        number, base, defaults = 0, end, (0, 0, 0)
        for kind, box in boxes(payload):
            if kind == b"tfhd":
                number, base, defaults = self._header(box, end)
            elif kind == b"tfdt" and number:
                self._next[number] = struct.unpack_from(">4xQ" if box[0] else ">4xI", box)[0]
            elif kind == b"trun":
                if number == 0:
                    raise BadFile("samples before the header of their fragment")
                end = self._samples(box, number, base, end, defaults)
        return end

    def _header(self, box: memoryview, base: int) -> tuple[int, int, tuple[int, int, int]]:
        """track_ID, what data offsets count from, and the defaults of its samples."""
        flags, number = struct.unpack_from(">II", box)
        track, at = self._tracks.get(number), 8
        # A track that nobody here knows has samples all the same: they are left out below.
        duration, size, sample_flags = track.defaults if track else (0, 0, 0)
        if flags & BASE_IS_MOOF:
            base = self._at
        if flags & BASE_OFFSET:
            (base,) = struct.unpack_from(">Q", box, at)
            at += 8
        if flags & DESCRIPTION:
            at += 4
        if flags & HAS_DURATION:
            (duration,) = struct.unpack_from(">I", box, at)
            at += 4
        if flags & HAS_SIZE:
            (size,) = struct.unpack_from(">I", box, at)
            at += 4
        if flags & HAS_FLAGS:
            (sample_flags,) = struct.unpack_from(">I", box, at)
        return number, base, (duration, size, sample_flags)

    def _samples(
        self, box: memoryview, number: int, base: int, end: int, defaults: tuple[int, int, int]
    ) -> int:
        flags, count = struct.unpack_from(">II", box)
        if count > MAX_SAMPLES - len(self._waiting):
            raise BadFile(f"a fragment of more than {MAX_SAMPLES} samples")
        at = 8
        position = end
        if flags & DATA_OFFSET:
            position = base + struct.unpack_from(">i", box, at)[0]
            at += 4
        first_flags = None
        if flags & FIRST_FLAGS:
            (first_flags,) = struct.unpack_from(">I", box, at)
            at += 4
        fields = [bit for bit in (DURATION, SIZE, FLAGS, OFFSET) if flags & bit]
        signed = bool(box[0])
        row = struct.Struct(
            ">" + "".join("i" if bit == OFFSET and signed else "I" for bit in fields)
        )
        if len(box) - at < row.size * count:
            raise BadFile("a fragment is cut off")
        dts = self._next.get(number, 0)
        for index in range(count):
            values = dict(zip(fields, row.unpack_from(box, at + index * row.size), strict=True))
            duration = values.get(DURATION, defaults[0])
            size = values.get(SIZE, defaults[1])
            sample_flags = values.get(FLAGS, defaults[2])
            if index == 0 and first_flags is not None:
                sample_flags = first_flags
            if number in self._tracks:
                self._waiting.append(
                    _Entry(
                        number,
                        dts,
                        dts + values.get(OFFSET, 0),
                        duration,
                        not sample_flags & NON_SYNC,
                        position,
                        size,
                    )
                )
            position += size
            dts += duration
        self._next[number] = dts
        return position
