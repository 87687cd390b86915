"""The chunk stream both ways: what one end writes, the other reads, however it is cut."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.rtmp import messages
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.chunks import ChunkReader
from metropole_media.rtmp.errors import BadChunk, LimitExceeded, ProtocolError
from metropole_media.rtmp.limits import MAX_CHUNK_SIZE, RtmpLimits
from metropole_media.rtmp.messages import Message

FREE = replace(RtmpLimits(), chunks_per_read=1 << 30)


def feed(reader: ChunkReader, data: bytes, sizes: list[int] | None = None) -> list[Message]:
    found: list[Message] = []
    view, turn = memoryview(data), 0
    while len(view):
        size = sizes[turn % len(sizes)] if sizes else len(view)
        assert reader.feed(view[:size], found) == min(size, len(view))
        view, turn = view[size:], turn + 1
    return found


@dataclass
class Sent:
    csid: int
    type: int
    timestamp: int
    stream_id: int
    payload: bytes


SENT = st.builds(
    Sent,
    csid=st.sampled_from((2, 3, 6, 63, 64, 319, 320, 65599)),
    type=st.sampled_from((8, 9, 18, 20)),
    timestamp=st.integers(0, 0xFFFFFFFF) | st.integers(0xFFFFF0, 0x100000F) | st.integers(0, 99),
    stream_id=st.sampled_from((0, 1, 0xFFFFFFFF)),
    payload=st.integers(0, 3000).map(lambda size: random.Random(size).randbytes(size)),
)
CHUNK_SIZES = st.sampled_from((1, 2, 7, 127, 128, 129, 500, 4096, 60000, MAX_CHUNK_SIZE))
CUTS = st.lists(st.integers(1, 40) | st.integers(1, 5000), min_size=1, max_size=8)


@settings(deadline=None, max_examples=200)
@given(st.lists(SENT, max_size=12), CHUNK_SIZES, CUTS, st.randoms(use_true_random=False))
def test_what_is_written_is_read(
    sent: list[Sent], chunk_size: int, cuts: list[int], dice: random.Random
) -> None:
    """Random forms, chunk sizes and cuts; messages of different chunk streams interleaved."""
    writer = ChunkWriter()
    wire = [writer.set_chunk_size(chunk_size)]
    queues: dict[int, list[bytes]] = {}
    ends: list[Sent] = []
    waiting = list(sent)
    turn: dict[int, Sent] = {}
    while waiting or queues:
        csid = dice.choice([*queues, *([-1] if waiting and waiting[0].csid not in queues else [])])
        if csid == -1:
            item = waiting.pop(0)
            options = writer.forms(
                item.csid, item.type, len(item.payload),
                timestamp=item.timestamp, stream_id=item.stream_id,
            )  # fmt: skip
            queues[item.csid] = writer.chunks(
                item.csid, item.type, item.payload, timestamp=item.timestamp,
                stream_id=item.stream_id, form=dice.choice(options),
            )  # fmt: skip
            turn[item.csid] = item
            continue
        wire.append(queues[csid].pop(0))
        if not queues[csid]:
            del queues[csid]
            ends.append(turn[csid])
    reader = ChunkReader(FREE)
    got = feed(reader, b"".join(wire), cuts)
    assert [
        (message.type, message.timestamp, message.stream_id, bytes(message.payload))
        for message in got
    ] == [(item.type, item.timestamp, item.stream_id, item.payload) for item in ends]
    assert reader.kept == 0


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.builds(
            lambda form, csid, rest: bytes((form << 6 | csid,)) + rest,
            st.integers(0, 3),
            st.integers(2, 5),
            st.binary(min_size=11, max_size=40).map(lambda octets: b"\0\0\1\0\0" + octets),
        ),
        max_size=30,
    ),
    CUTS,
)
def test_no_octets_do_more_than_be_refused(parts: list[bytes], cuts: list[int]) -> None:
    limits = replace(FREE, message=5000, unfinished=20000, chunk_streams=8)
    reader = ChunkReader(limits)
    try:
        for message in feed(reader, b"".join(parts), cuts):
            assert len(message.payload) <= 5000
    except ProtocolError:
        pass
    assert reader.kept <= 20000 + 18


def test_a_chunk_is_never_needed_in_one_piece() -> None:
    writer = ChunkWriter()
    wire = writer.set_chunk_size(MAX_CHUNK_SIZE)
    payload = bytes(range(256)) * 4096
    wire += writer.message(4, 9, payload)
    reader = ChunkReader(RtmpLimits())
    found = feed(reader, wire[: len(wire) // 2], [1448])
    assert found == []
    assert reader.kept == len(payload)
    (message,) = feed(reader, wire[len(wire) // 2 :], [1448])
    assert message.payload == payload


@pytest.mark.parametrize("repeated", [True, False])
@pytest.mark.parametrize("cuts", [[1], [3], [1000]])
def test_extended_time_stamps_repeated_or_left_out(repeated: bool, cuts: list[int]) -> None:
    stamp = (0x01020304).to_bytes(4, "big")
    payload = bytes(range(1, 251)) + bytes(50)
    wire = b"\x04\xff\xff\xff" + (300).to_bytes(3, "big") + b"\x09\1\0\0\0" + stamp
    wire += payload[:128]
    for at in (128, 256):
        wire += b"\xc4" + (stamp if repeated else b"") + payload[at : at + 128]
    wire += ChunkWriter().message(3, 20, b"end")
    message, end = feed(ChunkReader(RtmpLimits()), wire, cuts)
    assert (message.timestamp, bytes(message.payload)) == (0x01020304, payload)
    assert bytes(end.payload) == b"end"


def test_a_message_begun_by_type_3_adds_the_last_delta() -> None:
    wire = b"\x04\0\0\x0a\0\0\1\x08\1\0\0\0a"  # at 10
    wire += b"\xc4b"  # the delta of a type 0 chunk is its time stamp
    wire += b"\x84\0\0\x15c" + b"\xc4d"
    found = feed(ChunkReader(RtmpLimits()), wire)
    assert [message.timestamp for message in found] == [10, 20, 41, 62]


def test_time_stamps_wrap() -> None:
    writer = ChunkWriter()
    wire = writer.message(4, 8, b"a", timestamp=0xFFFFFFF0)
    wire += b"".join(writer.chunks(4, 8, b"b", timestamp=5, form=2))
    assert [message.timestamp for message in feed(ChunkReader(RtmpLimits()), wire)] == [
        0xFFFFFFF0,
        5,
    ]


def test_abort_throws_an_unfinished_message_away() -> None:
    writer = ChunkWriter()
    first, *_ = writer.chunks(4, 9, bytes(1000))
    reader = ChunkReader(RtmpLimits())
    wire = first + writer.message(2, messages.ABORT, messages.number(4))
    assert feed(reader, wire) == []
    assert reader.kept == 0
    (message,) = feed(reader, writer.message(4, 9, b"again"))
    assert bytes(message.payload) == b"again"


def test_single_stops_behind_a_message() -> None:
    writer = ChunkWriter()
    one, two = writer.message(3, 20, b"one"), writer.message(3, 20, b"two")
    reader = ChunkReader(RtmpLimits())
    found: list[Message] = []
    assert reader.feed(memoryview(one + two), found, single=True) == len(one)
    assert [bytes(message.payload) for message in found] == [b"one"]


SMALL = replace(RtmpLimits(), message=1000, unfinished=1500, chunk_streams=4, chunks_per_read=50)


@pytest.mark.parametrize(
    ("wire", "kind", "words"),
    [
        (b"\xc4", BadChunk, "never began"),
        (b"\x84\0\0\0", BadChunk, "never began"),
        (b"\x02\0\0\0\0\0\4\1\0\0\0\0\0\0\0\0", BadChunk, "out of range"),
        (b"\x02\0\0\0\0\0\4\1\0\0\0\0\x80\0\0\0", BadChunk, "out of range"),
        (b"\x02\0\0\0\0\0\3\1\0\0\0\0\0\0\0", BadChunk, "wrong length"),
        (b"\x04\0\0\0\0\1\0\x09\0\0\0\0" + bytes(128) + b"\x04", BadChunk, "inside another"),
        (b"\x04\0\0\0\0\x03\xe9\x09\0\0\0\0", LimitExceeded, "1001 octets"),
        (
            b"\x04\0\0\0\0\x03\xe8\x09\0\0\0\0" + bytes(128)
            + b"\x05\0\0\0\0\x03\xe8\x09\0\0\0\0", LimitExceeded, "too many messages",
        ),
        (
            b"".join(bytes((csid,)) + b"\0\0\0\0\0\0\x08\0\0\0\0" for csid in range(3, 8)),
            LimitExceeded, "chunk streams",
        ),
        (b"\x04\0\0\0\0\0\0\x08\0\0\0\0" + b"\xc4" * 60, LimitExceeded, "too small"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(wire: bytes, kind: type[ProtocolError], words: str) -> None:
    reader = ChunkReader(SMALL)
    with pytest.raises(kind, match=words):
        feed(reader, wire)
    assert reader.kept <= 1500


def test_a_run_of_tiny_chunks_of_one_message_is_no_flood() -> None:
    writer = ChunkWriter()
    wire = writer.set_chunk_size(1) + writer.message(4, 9, bytes(range(250)) * 4)
    reader = ChunkReader(SMALL)
    (message,) = feed(reader, wire)
    assert bytes(message.payload) == bytes(range(250)) * 4


def test_a_larger_chunk_size_than_any_message_is_taken() -> None:
    wire = ChunkWriter().message(2, 1, messages.number(0x7FFFFFFF))
    reader = ChunkReader(RtmpLimits())
    feed(reader, wire)
    assert reader.chunk_size == MAX_CHUNK_SIZE


@pytest.mark.parametrize("size", [0, MAX_CHUNK_SIZE + 1])
def test_the_writer_refuses_senseless_sizes(size: int) -> None:
    with pytest.raises(ValueError, match="16777215"):
        ChunkWriter().set_chunk_size(size)


def test_the_writer_refuses_senseless_ids() -> None:
    with pytest.raises(ValueError, match="65599"):
        ChunkWriter().message(1, 20, b"")
