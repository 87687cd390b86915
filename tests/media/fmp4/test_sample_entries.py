"""What a decoder is told, codec by codec, read with pymp4's structures."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from pymp4.parser import AVC1SampleEntryBox, MP4ASampleEntryBox, SampleEntryBox

from metropole_media.codecs.model import Colour
from metropole_media.codecs.opus import to_dops
from metropole_media.fmp4.sample_entries import sample_entry
from metropole_media.live import Track
from tests.support.clips import clip

BOXES = {"avc1": b"avcC", "hvc1": b"hvcC", "av01": b"av1C", "vp09": b"vpcC"}
MASTERING, LIGHT = bytes(range(24)), b"\x03\xe8\x01\x90"


def children(data: bytes) -> list[tuple[bytes, bytes]]:
    """Types and payloads of boxes that fill `data` to the last octet."""
    found = []
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        assert 8 <= size <= len(data)
        found.append((kind, data[8:size]))
        data = data[size:]
    return found


@pytest.mark.parametrize("kind", ["h264", "hevc", "hevc-pq", "av1", "av1-pq", "vp9"])
def test_a_picture(kind: str) -> None:
    (track,) = clip(kind, "", 0.3).tracks
    data = sample_entry(track)
    entry = SampleEntryBox.parse(data)
    assert entry.format == track.fourcc.encode()
    # pymp4 knows what stands before the boxes, if not every box.
    seen = AVC1SampleEntryBox.parse(data[16:])
    assert (seen.width, seen.height, seen.depth, seen.frame_count) == (320, 180, 24, 1)
    (record, payload), *colour = children(data[86:])
    assert record == BOXES[track.fourcc]
    assert payload == (track.config[:12] if kind == "vp9" else track.config)
    if kind == "hevc":
        assert seen.avc_data.general_profile == 1
        assert seen.avc_data.general_level == 60
    assert [name for name, _ in colour] == ([b"colr", b"mdcv", b"clli"] if "pq" in kind else [])


@pytest.mark.parametrize("fourcc", BOXES)
@pytest.mark.parametrize(
    ("colour", "boxes"),
    [
        (None, []),
        (Colour(9, 16, 9), [(b"colr", b"nclx" + bytes.fromhex("00090010000900"))]),
        (Colour(1, 13, 0, True), [(b"colr", b"nclx" + bytes.fromhex("0001000d000080"))]),
        (
            Colour(9, 16, 9, mastering=MASTERING, light=LIGHT),
            [(b"colr", b"nclx" + bytes.fromhex("00090010000900")), (b"mdcv", MASTERING),
             (b"clli", LIGHT)],
        ),
    ],
)  # fmt: skip
def test_colour_stands_behind_the_configuration(
    fourcc: str, colour: Colour | None, boxes: list[tuple[bytes, bytes]]
) -> None:
    track = Track(
        0, "video", fourcc, fourcc, 1000, bytes(12), width=16, height=16, colour=colour
    )  # fmt: skip
    assert children(sample_entry(track)[86:])[1:] == boxes


@pytest.mark.parametrize(("kind", "channels"), [("opus", 2), ("opus-5.1", 6)])
def test_opus(kind: str, channels: int) -> None:
    (track,) = clip("", kind, 0.3).tracks
    data = sample_entry(track)
    assert SampleEntryBox.parse(data).format == b"Opus"
    seen = MP4ASampleEntryBox.parse(data[16:])
    assert (seen.channels, seen.bits_per_sample, seen.sampling_rate) == (channels, 16, 48_000)
    ((name, payload),) = children(data[36:])
    assert name == b"dOps"
    assert payload == to_dops(track.config)
    assert payload[0] == 0
    assert sample_entry(replace(track, config=payload)) == data
