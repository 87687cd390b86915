from __future__ import annotations

import pytest

from metropole_media.rtmp import aggregate, messages
from metropole_media.rtmp.errors import BadMessage, BadTag, UnsupportedCodec
from metropole_media.rtmp.flv import read_audio, read_video
from metropole_media.rtmp.messages import Message
from metropole_media.rtmp.tags import Kind


@pytest.mark.parametrize(
    ("body", "fourcc", "kind", "key", "offset", "payload"),
    [
        (b"\x17\0\0\0\0rec", "avc1", Kind.CONFIG, True, 0, b"rec"),
        (b"\x17\1\0\0\x21nal", "avc1", Kind.FRAME, True, 33, b"nal"),
        (b"\x27\1\xff\xff\xffnal", "avc1", Kind.FRAME, False, -1, b"nal"),
        (b"\x1c\0\0\0\0rec", "hvc1", Kind.CONFIG, True, 0, b"rec"),
        (b"\x2c\1\0\0\x28nal", "hvc1", Kind.FRAME, False, 40, b"nal"),
        (b"\x1d\1\0\0\0obu", "av01", Kind.FRAME, True, 0, b"obu"),
    ],
)
def test_video(
    body: bytes, fourcc: str, kind: Kind, key: bool, offset: int, payload: bytes
) -> None:
    (tag,) = read_video(memoryview(body))
    assert (tag.fourcc, tag.kind, tag.track, tag.key) == (fourcc, kind, 0, key)
    assert (tag.offset, bytes(tag.payload)) == (offset, payload)


@pytest.mark.parametrize(
    ("body", "kind", "payload"),
    [(b"\xaf\0rec", Kind.CONFIG, b"rec"), (b"\xaf\1raw", Kind.FRAME, b"raw")],
)
def test_audio(body: bytes, kind: Kind, payload: bytes) -> None:
    (tag,) = read_audio(memoryview(body))
    assert (tag.fourcc, tag.kind, tag.track, bytes(tag.payload)) == ("mp4a", kind, 0, payload)


@pytest.mark.parametrize("body", [b"", b"\x17\2\0\0\0", b"\x57\0"])
def test_video_of_no_use_makes_no_tag(body: bytes) -> None:
    assert read_video(memoryview(body)) == ()


@pytest.mark.parametrize("body", [b"", b"\xaf\7"])
def test_audio_of_no_use_makes_no_tag(body: bytes) -> None:
    assert read_audio(memoryview(body)) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"\x12", r"Sorenson.*choose a video encoder for H\.264"), (b"\x1f", "codec number 15")],
)
def test_another_video_codec_is_named(body: bytes, words: str) -> None:
    with pytest.raises(UnsupportedCodec, match=words):
        read_video(memoryview(body))


@pytest.mark.parametrize(("body", "words"), [(b"\x2f", "MP3.*AAC"), (b"\xcf", "12")])
def test_another_audio_codec_is_named(body: bytes, words: str) -> None:
    with pytest.raises(UnsupportedCodec, match=words):
        read_audio(memoryview(body))


@pytest.mark.parametrize("body", [b"\x17", b"\x17\1\0\0"])
def test_a_cut_off_video_tag_is_refused(body: bytes) -> None:
    with pytest.raises(BadTag):
        read_video(memoryview(body))


def test_a_cut_off_audio_tag_is_refused() -> None:
    with pytest.raises(BadTag):
        read_audio(memoryview(b"\xaf"))


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
