"""Enhanced messages, octet by octet: the forms that FFmpeg 8 and OBS 32 send, and wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.rtmp.errors import BadTag, ProtocolError
from metropole_media.rtmp.ertmp import MAX_MODIFIERS, MAX_PARTS
from metropole_media.rtmp.flv import read_audio, read_video
from metropole_media.rtmp.tags import Kind, Tag

C, F = Kind.CONFIG, Kind.FRAME


def seen(tags: tuple[Tag, ...]) -> list[tuple[str, Kind, int, bool, int, bytes]]:
    return [(t.fourcc, t.kind, t.track, t.key, t.offset, bytes(t.payload)) for t in tags]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # One track.
        (b"\x90hvc1rec", ("hvc1", C, 0, True, 0, b"rec")),
        (b"\x91hvc1\0\0\x50nal", ("hvc1", F, 0, True, 80, b"nal")),
        (b"\xa1hvc1\xff\xff\xd8nal", ("hvc1", F, 0, False, -40, b"nal")),
        (b"\xa3hvc1nal", ("hvc1", F, 0, False, 0, b"nal")),
        (b"\x91avc1\0\0\x21nal", ("avc1", F, 0, True, 33, b"nal")),
        (b"\x90av01rec", ("av01", C, 0, True, 0, b"rec")),
        (b"\xa1av01obu", ("av01", F, 0, False, 0, b"obu")),
        (b"\x91vp09frame", ("vp09", F, 0, True, 0, b"frame")),
        (b"\xd4hvc1amf", ("hvc1", Kind.COLOUR, 0, False, 0, b"amf")),
        # Several tracks, one in each message.
        (b"\x96\x00avc1\x01rec", ("avc1", C, 1, True, 0, b"rec")),
        (b"\xa6\x01avc1\x01\0\0\x21nal", ("avc1", F, 1, False, 33, b"nal")),
        (b"\x96\x03avc1\x01nal", ("avc1", F, 1, True, 0, b"nal")),
        (b"\x96\x01av01\x02obu", ("av01", F, 2, True, 0, b"obu")),
        (b"\x96\x04hvc1\x03amf", ("hvc1", Kind.COLOUR, 3, True, 0, b"amf")),
        # What is printed of a stranger's octets.
        (b"\x90a\nbcrec", ("a?bc", C, 0, True, 0, b"rec")),
    ],
)
def test_video(body: bytes, expected: tuple[str, Kind, int, bool, int, bytes]) -> None:
    assert seen(read_video(memoryview(body))) == [expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\x90Opusrec", ("Opus", C, 0, b"rec")),
        (b"\x91Opusraw", ("Opus", F, 0, b"raw")),
        (b"\x90mp4arec", ("mp4a", C, 0, b"rec")),
        (b"\x95\x00mp4a\x01rec", ("mp4a", C, 1, b"rec")),
        (b"\x95\x01mp4a\x05raw", ("mp4a", F, 5, b"raw")),
    ],
)
def test_audio(body: bytes, expected: tuple[str, Kind, int, bytes]) -> None:
    ((fourcc, kind, track, key, offset, payload),) = seen(read_audio(memoryview(body)))
    assert (fourcc, kind, track, payload) == expected
    assert (key, offset) == (True, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"\x92avc1",  # end of sequence
        b"\xa6\x02av01\x03",  # of one track, as OBS ends
        b"\x95av01descriptor",  # MPEG-2 TS
        b"\xd0\0",  # a command
        b"\x98hvc1new",  # a packet type of the future
    ],
)
def test_video_of_no_use_makes_no_tag(body: bytes) -> None:
    assert read_video(memoryview(body)) == ()


@pytest.mark.parametrize("body", [b"\x92mp4a", b"\x94Opus\1\2\0\0\0\3", b"\x95\x02mp4a\x01"])
def test_audio_of_no_use_makes_no_tag(body: bytes) -> None:
    assert read_audio(memoryview(body)) == ()


def test_many_tracks_of_one_codec_in_one_message() -> None:
    body = b"\x96\x11avc1" + b"\x00\0\0\x06\0\0\x21nal" + b"\x02\0\0\x05\0\0\0na"
    assert seen(read_video(memoryview(body))) == [
        ("avc1", F, 0, True, 33, b"nal"),
        ("avc1", F, 2, True, 0, b"na"),
    ]
    assert seen(read_audio(memoryview(b"\x95\x11mp4a\0\0\0\1a\1\0\0\2bc"))) == [
        ("mp4a", F, 0, True, 0, b"a"),
        ("mp4a", F, 1, True, 0, b"bc"),
    ]


def test_many_tracks_of_many_codecs_in_one_message() -> None:
    body = b"\xa6\x21" + b"hvc1\x00\0\0\x05\0\0\x28na" + b"av01\x01\0\0\x03obu"
    assert seen(read_video(memoryview(body))) == [
        ("hvc1", F, 0, False, 40, b"na"),
        ("av01", F, 1, False, 0, b"obu"),
    ]
    assert seen(read_audio(memoryview(b"\x95\x20mp4a\0\0\0\1aOpus\1\0\0\2bc"))) == [
        ("mp4a", C, 0, True, 0, b"a"),
        ("Opus", C, 1, True, 0, b"bc"),
    ]


NANO = b"\x02\0\x03\xe8\x01"
"""1000 ns, then coded frames."""


def test_modifiers_are_read_past() -> None:
    assert seen(read_video(memoryview(b"\x97" + NANO + b"avc1\0\0\x21nal"))) == [
        ("avc1", F, 0, True, 33, b"nal")
    ]
    assert seen(read_audio(memoryview(b"\x97" + NANO + b"mp4araw"))) == [
        ("mp4a", F, 0, True, 0, b"raw")
    ]
    # Two of them, the first a long one of a type that is not known; then several tracks.
    long = b"\xff\x01\x00" + bytes(257) + b"\x57"
    body = b"\x97" + long + NANO[:-1] + b"\x06\x03avc1\x04nal"
    assert seen(read_video(memoryview(body))) == [("avc1", F, 4, True, 0, b"nal")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x91avc1\0", "cut off"),
        (b"\x90av", "cut off"),
        (b"\x96", "cut off"),
        (b"\x96\x00av01", "cut off"),
        (b"\x96\x11avc1\0\0\0", "cut off"),
        (b"\x96\x11avc1\0\0\0\x09nal", "cut off"),
        (b"\x96\x11avc1\0\0\0\x05\0\0\0na\1", "cut off"),
        (b"\x97\x02\0", "cut off"),
        (b"\x97\xff\0", "cut off"),
        (b"\x97" + b"\0\0\x07" * MAX_MODIFIERS, "too many modifiers"),
        (b"\x96\x06avc1\0", "does not exist"),
        (b"\x96\x07avc1\0", "does not exist"),
        (b"\x96\x30avc1\0", "does not exist"),
        (b"\x96\x13avc1" + b"\0\0\0\0" * (MAX_PARTS + 1), "too many tracks"),
    ],
)
def test_a_broken_video_message_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(BadTag, match=words):
        read_video(memoryview(body))


@pytest.mark.parametrize("body", [b"\x90mp", b"\x95", b"\x95\x05mp4a\0", b"\x97\x02\0\0\0"])
def test_a_broken_audio_message_is_refused(body: bytes) -> None:
    with pytest.raises(BadTag):
        read_audio(memoryview(body))


HEADS = tuple(
    map(bytes.fromhex, ("", "96", "95", "97", "961161766331", "9621", "9520", "1c", "d468766331"))
)


@given(st.sampled_from(HEADS), st.binary(max_size=60))
def test_no_octets_do_more_than_be_refused(head: bytes, rest: bytes) -> None:
    body = head + rest
    for read in (read_video, read_audio):
        try:
            tags = read(memoryview(body))
        except ProtocolError:
            continue
        assert len(tags) <= MAX_PARTS
        assert sum(len(tag.payload) for tag in tags) <= len(body)
        assert all(0 <= tag.track <= 255 and len(tag.fourcc) == 4 for tag in tags)
