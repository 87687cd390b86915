from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.rtmp import aggregate, messages
from metropole_media.rtmp.errors import BadMessage, BadTag, ProtocolError, UnsupportedCodec
from metropole_media.rtmp.flv import Kind, read_audio, read_video
from metropole_media.rtmp.messages import Message


@pytest.mark.parametrize(
    ("body", "kind", "key", "offset", "payload"),
    [
        (b"\x17\0\0\0\0rec", Kind.CONFIG, True, 0, b"rec"),
        (b"\x17\1\0\0\x21nal", Kind.FRAME, True, 33, b"nal"),
        (b"\x27\1\xff\xff\xffnal", Kind.FRAME, False, -1, b"nal"),
        (b"\x17\2\0\0\0", Kind.NOTHING, True, 0, b""),
        (b"\x57\0", Kind.NOTHING, False, 0, b"\x57\0"),
        (b"", Kind.NOTHING, False, 0, b""),
        (b"\x90avc1rec", Kind.CONFIG, True, 0, b"rec"),
        (b"\xa1avc1\0\0\x21nal", Kind.FRAME, False, 33, b"nal"),
        (b"\x93avc1nal", Kind.FRAME, True, 0, b"nal"),
        (b"\x92avc1", Kind.NOTHING, True, 0, b""),
        (b"\x94hvc1amf", Kind.NOTHING, False, 0, b"\x94hvc1amf"),
    ],
)
def test_video(body: bytes, kind: Kind, key: bool, offset: int, payload: bytes) -> None:
    tag = read_video(memoryview(body))
    assert (tag.kind, tag.key, tag.offset, bytes(tag.payload)) == (kind, key, offset, payload)


@pytest.mark.parametrize(
    ("body", "kind", "payload"),
    [
        (b"\xaf\0rec", Kind.CONFIG, b"rec"),
        (b"\xaf\1raw", Kind.FRAME, b"raw"),
        (b"\xaf\7", Kind.NOTHING, b""),
        (b"\x90mp4arec", Kind.CONFIG, b"rec"),
        (b"\x91mp4araw", Kind.FRAME, b"raw"),
        (b"\x94mp4a", Kind.NOTHING, b""),
        (b"", Kind.NOTHING, b""),
    ],
)
def test_audio(body: bytes, kind: Kind, payload: bytes) -> None:
    tag = read_audio(memoryview(body))
    assert (tag.kind, bytes(tag.payload)) == (kind, payload)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x90hvc1rec", r"HEVC \(H.265\).*H.264 video encoder in OBS"),
        (b"\x90av01rec", "AV1"),
        (b"\x90a\nbcrec", r"a\?bc"),
        (b"\x1c\0\0\0\0", "HEVC"),
        (b"\x12", "Sorenson"),
        (b"\x1f", "codec number 15"),
        (b"\x96\0avc1\1rec", "Multitrack Video"),
    ],
)
def test_another_video_codec_is_named(body: bytes, words: str) -> None:
    with pytest.raises(UnsupportedCodec, match=words):
        read_video(memoryview(body))


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"\x90Opusrec", "Opus.*AAC"), (b"\x2f", "MP3"), (b"\xcf", "12"), (b"\x95\0", "multitrack")],
)
def test_another_audio_codec_is_named(body: bytes, words: str) -> None:
    with pytest.raises(UnsupportedCodec, match=words):
        read_audio(memoryview(body))


@pytest.mark.parametrize("body", [b"\x17", b"\x17\1\0\0", b"\x91avc1\0", b"\x90av"])
def test_a_cut_off_video_tag_is_refused(body: bytes) -> None:
    with pytest.raises(BadTag):
        read_video(memoryview(body))


@pytest.mark.parametrize("body", [b"\xaf", b"\x90mp"])
def test_a_cut_off_audio_tag_is_refused(body: bytes) -> None:
    with pytest.raises(BadTag):
        read_audio(memoryview(body))


@given(st.binary(max_size=20))
def test_no_octets_do_more_than_be_refused(body: bytes) -> None:
    for read in (read_video, read_audio):
        try:
            assert isinstance(read(memoryview(body)).kind, Kind)
        except ProtocolError:
            continue


def part(kind: int, stamp: int, body: bytes) -> bytes:
    head = bytes((kind,)) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
    return head + bytes((stamp >> 24, 0, 0, 0)) + body + (len(body) + 11).to_bytes(4, "big")


def test_an_aggregate_is_taken_apart() -> None:
    payload = part(8, 0x01000000, b"a") + part(18, 0, b"x") + part(9, 0x01000021, b"v")
    outer = Message(messages.AGGREGATE, 0xFFFFFFFF, 1, memoryview(payload))
    assert [(m.type, m.timestamp, bytes(m.payload)) for m in aggregate.split(outer)] == [
        (8, 0xFFFFFFFF, b"a"),
        (9, 0x20, b"v"),
    ]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\x08\0\0", "cut off"),
        (part(8, 0, b"abc")[:-1], "cut off"),
        (part(8, 0, b"") * 1025, "many"),
    ],
)
def test_a_broken_aggregate_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(BadMessage, match=words):
        aggregate.split(Message(messages.AGGREGATE, 0, 1, memoryview(payload)))
