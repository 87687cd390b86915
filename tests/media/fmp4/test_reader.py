"""Fragmented MP4 read back: ours, and FFmpeg's with and without its default base."""

from __future__ import annotations

import io
import random
import struct

import av
import pytest

from metropole_media.fmp4 import Run, Sample, TrackEntry, fragment, init_segment
from metropole_media.fmp4.boxes import box, full_box
from metropole_media.fmp4.movie import BadFile, MovieTrack
from metropole_media.fmp4.reader import FragmentReader, Movie, ReadSample
from tests.support.encoded import Encoded, encode
from tests.support.packaging import AUDIO, VIDEO

INIT = init_segment([TrackEntry(1, 90_000, VIDEO), TrackEntry(2, 48_000, AUDIO)])
SAMPLES = [
    Sample(b"key", 3000, True, 0),
    Sample(b"later", 3000, False, 6000),
    Sample(b"before", 3000, False, -3000),
]
WHOLE = INIT + fragment(
    1, [Run(1, 90_000, SAMPLES), Run(2, 48_000, [Sample(b"tone", 1024, True, 0)] * 2)]
)


def read(data: bytes, piece: int = 1 << 20) -> list[Movie | ReadSample]:
    reader = FragmentReader()
    return [e for at in range(0, len(data), piece) for e in reader.feed(data[at : at + piece])]


def remux(source: Encoded, flags: str) -> bytes:
    """The same packets, written by FFmpeg."""
    picture, tone = source.tracks
    ours = init_segment([TrackEntry(1, 1000, picture), TrackEntry(2, 1000, tone)])
    runs = [
        Run(1 if p.track == 0 else 2, p.dts, [Sample(p.data, 20, p.key, p.pts - p.dts)])
        for p in source.packets
    ]
    file, out = io.BytesIO(ours + b"".join(fragment(1, [run]) for run in runs)), io.BytesIO()
    with (
        av.open(file) as given,
        av.open(out, "w", format="mp4", options={"movflags": flags, "use_editlist": "0"}) as made,
    ):
        streams = [made.add_stream_from_template(stream, opaque=True) for stream in given.streams]
        for packet in given.demux():
            if packet.dts is not None and packet.size:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_what_was_written_is_read_however_it_is_cut(piece: int) -> None:
    movie, *samples = read(WHOLE, piece)
    assert isinstance(movie, Movie)
    assert movie.tracks == (
        MovieTrack(1, "video", "avc1", 90_000, VIDEO.config, VIDEO.width, VIDEO.height),
        MovieTrack(2, "audio", "mp4a", 48_000, AUDIO.config, sample_rate=48_000, channels=2),
    )
    assert samples == [
        ReadSample(1, 90_000, 90_000, 3000, True, b"key"),
        ReadSample(1, 93_000, 99_000, 3000, False, b"later"),
        ReadSample(1, 96_000, 93_000, 3000, False, b"before"),
        ReadSample(2, 48_000, 48_000, 1024, True, b"tone"),
        ReadSample(2, 49_024, 49_024, 1024, True, b"tone"),
    ]


@pytest.mark.parametrize(
    "flags",
    [
        "frag_every_frame+empty_moov+default_base_moof",
        "frag_keyframe+empty_moov",  # addresses in the file, several samples a run
        "frag_keyframe+empty_moov+omit_tfhd_offset",
        "frag_every_frame+empty_moov+default_base_moof+frag_discont+skip_sidx",
    ],
)
def test_what_ffmpeg_writes_is_read(flags: str) -> None:
    source = encode(seconds=1.0, gop=10, bframes=2)
    data = remux(source, flags)
    movie, *samples = read(data, 1000)
    assert isinstance(movie, Movie)
    assert [(track.fourcc, track.config) for track in movie.tracks] == [
        (track.fourcc, track.config) for track in source.tracks
    ]
    for number, track in ((1, 0), (2, 100)):
        ours = [s for s in samples if isinstance(s, ReadSample) and s.number == number]
        sent = source.of(track)
        assert [s.data for s in ours] == [bytes(p.data) for p in sent]
        assert [s.key for s in ours] == [p.key for p in sent]
        with av.open(io.BytesIO(data)) as file:
            theirs = [p for p in file.demux(file.streams[number - 1]) if p.size]
            assert [(s.dts, s.pts) for s in ours] == [(p.dts, p.pts) for p in theirs]


def test_boxes_that_nobody_needs_are_passed_over_without_being_held() -> None:
    reader = FragmentReader()
    reader.feed(INIT)
    for kind in (b"sidx", b"free", b"mdat"):
        assert reader.feed(struct.pack(">I4s", 1 << 30, kind)) == []
        for _ in range(4):
            reader.feed(bytes(1 << 20))
            assert reader.held == 0
        reader = FragmentReader()
        reader.feed(INIT)
    large = struct.pack(">I4sQ", 1, b"free", 24) + bytes(8)
    assert len(read(INIT + large + WHOLE[len(INIT) :])) == 6


def test_a_track_of_another_kind_is_left_out() -> None:
    words = INIT.replace(b"soun", b"text")
    movie, *samples = read(words + WHOLE[len(INIT) :])
    assert isinstance(movie, Movie)
    assert [track.number for track in movie.tracks] == [1]
    assert [sample.data for sample in samples if isinstance(sample, ReadSample)] == [
        b"key", b"later", b"before",
    ]  # fmt: skip


def traf(*boxes: bytes) -> bytes:
    return box(b"moof", box(b"traf", *boxes))


HEADER = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", 1))


def run(count: int, size: int, offset: int = 0) -> bytes:
    return full_box(
        b"trun", 0, 0x201, struct.pack(">Ii", count, offset), struct.pack(">I", size) * count
    )


def test_a_fragment_without_a_time_follows_the_one_before() -> None:
    lengths = full_box(b"trun", 0, 0x301, struct.pack(">IiIIII", 2, 0, 40, 1, 50, 1))
    timeless = traf(HEADER, lengths)
    data = lengths.replace(struct.pack(">i", 0), struct.pack(">i", len(timeless) + 8), 1)
    piece = traf(HEADER, data) + box(b"mdat", b"ab")
    _, *samples = read(INIT + piece + piece)
    assert [sample.dts for sample in samples if isinstance(sample, ReadSample)] == [0, 40, 90, 130]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\0\0\7moov", "a box of 7 octets"),
        (b"\0\0\0\1mdat" + bytes(8), "a box of 0 octets"),
        (struct.pack(">I4s", (1 << 20) + 1, b"moov"), "too long"),
        (INIT + struct.pack(">I4s", (1 << 20) + 1, b"moof"), "too long"),
        (INIT + traf(HEADER, run(1, 4)) + struct.pack(">I4s", 1 << 30, b"mdat"), "too long"),
        (WHOLE[len(INIT) :], "before the description"),
        (INIT + traf(run(1, 4)), "before the header"),
        (INIT + traf(HEADER, run(20_001, 0)), "more than 20000 samples"),
        (INIT + traf(HEADER, full_box(b"trun", 0, 0x200, struct.pack(">I", 9))), "cut off"),
        (INIT + traf(HEADER, run(1, 4)) + box(b"mdat", bytes(4)), "does not lie in"),
        (INIT + traf(HEADER, run(2, 4)) + box(b"mdat", bytes(4)), "longer than its data"),
        (box(b"moov", b"\0\0\0\x20trak"), "longer than that"),
        (box(b"moov", *[INIT[INIT.index(b"trak") - 4 :][:600]]), "."),
        (INIT.replace(b"avcC", b"free"), "without its configuration"),
        (INIT.replace(b"esds", b"free"), "without its configuration"),
    ],
)
def test_what_is_senseless_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        read(data)


def test_noise_is_refused_or_read_but_breaks_nothing() -> None:
    dice = random.Random(5)
    refused = 0
    for _ in range(1500):
        data = bytearray(WHOLE)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.choice((0, 1, 4))] = dice.randbytes(dice.choice((0, 1, 4)))
        try:
            events = read(bytes(data), dice.choice((13, 1 << 20)))
        except BadFile:
            refused += 1
        else:
            assert sum(len(e.data) for e in events if isinstance(e, ReadSample)) <= len(data)
    assert 100 < refused < 1500
