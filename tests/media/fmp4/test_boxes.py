"""Init segments and fragments, read by parsers that are not ours."""

from __future__ import annotations

import io
import struct

import pytest
from pymp4.parser import Box

from metropole_media.fmp4 import Run, Sample, TrackEntry, fragment, init_segment
from metropole_media.live import Track
from tests.support.encoded import encode
from tests.support.packaging import AUDIO, VIDEO
from tests.support.rtmp_encoder import ASC, AVCC

ENTRIES = (TrackEntry(1, 90_000, VIDEO), TrackEntry(2, 48_000, AUDIO))


def parse(data: bytes) -> list[object]:
    stream = io.BytesIO(data)
    boxes = []
    while stream.tell() < len(data):
        boxes.append(Box.parse_stream(stream))
    return boxes


def find(box, *path):
    """The first child at a path of types."""
    for kind in path:
        box = next(child for child in box.children if child.type == kind)
    return box


def test_pymp4_reads_every_field_of_an_init_segment() -> None:
    # Not `AVCC`: pymp4 does not know the last octets of a High profile's record.
    picture, tone = encode(seconds=0.3, size=(320, 180)).tracks
    ftyp, moov = parse(init_segment([TrackEntry(1, 90_000, picture), TrackEntry(2, 48_000, tone)]))
    assert ftyp.major_brand == b"iso6"
    assert b"cmfc" not in ftyp.compatible_brands
    video, audio = (child for child in moov.children if child.type == b"trak")
    assert find(video, b"tkhd").track_ID == 1
    assert find(video, b"mdia", b"mdhd").timescale == 90_000
    assert find(video, b"mdia", b"hdlr").handler_type == b"vide"
    (avc1,) = find(video, b"mdia", b"minf", b"stbl", b"stsd").entries
    assert (avc1.format, avc1.width, avc1.height) == (b"avc1", 320, 180)
    assert avc1.avc_data.profile == picture.config[1]
    assert find(audio, b"mdia", b"mdhd").timescale == 48_000
    (mp4a,) = find(audio, b"mdia", b"minf", b"stbl", b"stsd").entries
    assert (mp4a.format, mp4a.channels, mp4a.sampling_rate) == (b"mp4a", 2, 48_000)
    assert [box.track_ID for box in find(moov, b"mvex").children] == [1, 2]


def test_the_sample_entries_have_the_sizes_of_the_standard() -> None:
    # 14496-12: 8 + 78 octets before the boxes of a VisualSampleEntry, 8 + 28 of an audio one.
    data = init_segment(ENTRIES)
    avc1 = data.index(b"avc1") - 4
    assert data[avc1 + 86 + 4 : avc1 + 86 + 8] == b"avcC"
    assert data[avc1 + 86 + 8 :][: len(AVCC)] == AVCC
    mp4a = data.index(b"mp4a") - 4
    assert data[mp4a + 36 + 4 : mp4a + 36 + 8] == b"esds"
    esds = data[mp4a + 36 + 12 :]
    assert esds[:5] == bytes([3, 0x80, 0x80, 0x80, 3 + 5 + 13 + 5 + len(ASC) + 5 + 1])
    assert esds[8:13] == bytes([4, 0x80, 0x80, 0x80, 13 + 5 + len(ASC)])
    assert esds[13:15] == bytes([0x40, 0x15])
    assert esds[26:31] == bytes([5, 0x80, 0x80, 0x80, len(ASC)])
    assert esds[31:][: len(ASC)] == ASC
    assert esds[31 + len(ASC) :][:6] == bytes([6, 0x80, 0x80, 0x80, 1, 2])


def test_a_codec_without_a_sample_entry_is_refused() -> None:
    track = Track(0, "video", "xyz1", "xyz1", 1000, b"")
    with pytest.raises(ValueError, match="xyz1"):
        init_segment([TrackEntry(1, 90_000, track)])


def test_a_rate_that_the_field_cannot_say_is_left_to_the_decoder_configuration() -> None:
    high = Track(100, "audio", "mp4a", "mp4a.40.2", 1000, ASC, sample_rate=96_000, channels=2)
    _, moov = parse(init_segment([TrackEntry(2, 96_000, high)]))
    (mp4a,) = find(moov, b"trak", b"mdia", b"minf", b"stbl", b"stsd").entries
    assert mp4a.sampling_rate == 0


def test_pymp4_reads_a_fragment_and_the_offsets_meet_the_data() -> None:
    video = [Sample(b"key" * 5, 3000, True, 6000), Sample(b"b" * 7, 3000, False, -90)]
    audio = [Sample(b"sound", 1024, True, 0), Sample(b"more", 1024, True, 0)]
    data = fragment(7, [Run(1, 1 << 33, video), Run(2, 48_000, audio)])
    moof, mdat = parse(data)
    assert find(moof, b"mfhd").sequence_number == 7
    first, second = (child for child in moof.children if child.type == b"traf")
    assert find(first, b"tfdt").baseMediaDecodeTime == 1 << 33
    assert find(first, b"tfhd").track_ID == 1
    trun = find(first, b"trun")
    assert [s.sample_size for s in trun.sample_info] == [15, 7]
    assert [s.sample_composition_time_offsets for s in trun.sample_info] == [6000, -90]
    assert [s.sample_flags.sample_is_non_sync_sample for s in trun.sample_info] == [False, True]
    assert data[trun.data_offset :].startswith(b"keykey")
    sound = find(second, b"trun")
    assert [s.sample_duration for s in sound.sample_info] == [1024, 1024]
    assert data[sound.data_offset :] == b"soundmore"
    assert mdat.data == b"key" * 5 + b"b" * 7 + b"soundmore"


def test_a_fragment_is_as_long_as_its_boxes_say() -> None:
    data = fragment(1, [Run(2, 0, [Sample(b"x", 1024, True, 0)])])
    (moof,) = struct.unpack_from(">I", data)
    (mdat,) = struct.unpack_from(">I", data, moof)
    assert moof + mdat == len(data)


class Huge(bytes):
    """Says that it is long."""

    def __len__(self) -> int:
        return 1 << 31


def test_a_fragment_of_2_gib_is_refused() -> None:
    with pytest.raises(ValueError, match="2 GiB"):
        fragment(1, [Run(1, 0, [Sample(Huge(), 1, True, 0)])])
