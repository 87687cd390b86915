from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.transcode import wire
from metropole_media.transcode.encoders import JobSpec, Rung, VideoDecoder, VideoEncoder
from metropole_media.transcode.wire import (
    MAX_MESSAGE,
    BadMessage,
    Begin,
    Described,
    Failed,
    Flush,
    Flushed,
    Gone,
    Media,
    Message,
    Reader,
    Report,
    Source,
    Stop,
)

MESSAGES: tuple[Message, ...] = (
    Begin(b"{}"),
    Source("avc1", 1000, 1920, 1080, 59.94, 16, b"\1\2"),
    Media(3, -1024, 2**40, True, b"frame"),
    Media(0, 0, 0, False, b""),
    Flush(),
    Flushed(),
    Stop(15),
    Described(1, 1280, 720, 8, b"record"),
    Gone(2, "Too large: 4K é"),
    Report(12.5, 2**33, 3, 2**34),
    Failed("It does not start."),
)
STREAM = b"".join(b"".join(wire.encode(message)) for message in MESSAGES)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_every_message_arrives_however_it_is_cut(cuts: list[int]) -> None:
    reader = Reader()
    ends = [0, *sorted(cuts), len(STREAM)]
    found = [message for begin, end in pairwise(ends) for message in reader.feed(STREAM[begin:end])]
    assert found == list(MESSAGES)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_nothing_but_a_bad_message_is_raised(chunks: list[bytes]) -> None:
    reader = Reader()
    with contextlib.suppress(BadMessage):
        for chunk in chunks:
            list(reader.feed(chunk))


@given(st.sampled_from(b"mbsfFxdgre"), st.binary(max_size=60))
def test_bodies_that_nobody_writes(kind: int, body: bytes) -> None:
    with contextlib.suppress(BadMessage):
        list(Reader().feed((len(body) + 1).to_bytes(4, "big") + bytes((kind,)) + body))


def test_length_is_bounded() -> None:
    for size in (0, MAX_MESSAGE + 1):
        with pytest.raises(BadMessage):
            list(Reader().feed(size.to_bytes(4, "big")))
    fields = 18
    wire.encode(Media(0, 0, 0, True, bytes(MAX_MESSAGE - 1 - fields)))
    with pytest.raises(ValueError, match="octets"):
        wire.encode(Media(0, 0, 0, True, bytes(MAX_MESSAGE - fields)))


def test_data_of_a_packet_is_not_copied() -> None:
    data = memoryview(b"frame")
    assert wire.encode(Media(0, 0, 0, True, data))[1] is data


def test_a_job_travels() -> None:
    encoder = VideoEncoder("libx264", "avc1", options=(("preset", "fast"), ("tune", "x")), gop=-1)
    spec = JobSpec(
        (Rung("720p", 1280, 720, 29.97, 2_500_000, encoder),),
        (VideoDecoder("avc1", "h264_cuvid", (("gpu", "0"),), 2, "cuda"),),
        5,
        3,
        facts=(("a", "b"),),
    )
    assert JobSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"rungs": [{}]}', b'{"rungs": 1}', b"\xff"])
def test_what_is_no_job(text: bytes) -> None:
    with pytest.raises(ValueError):
        JobSpec.from_json(text)
