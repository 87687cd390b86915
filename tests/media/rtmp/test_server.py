"""A publishing session, from the handshake to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.live import Packet
from metropole_media.rtmp import amf0, answers, messages
from metropole_media.rtmp.assembly import (
    NO_AUDIO_CONFIG,
    NO_VIDEO_CONFIG,
    STANDING,
    UNREADABLE,
)
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.errors import BadMessage, BadTag, LimitExceeded, ProtocolError
from metropole_media.rtmp.events import Notice, PublishEnded, PublishRequested, TracksKnown
from metropole_media.rtmp.handshake import BLOCK, RANDOM_OCTETS
from metropole_media.rtmp.limits import RtmpLimits
from metropole_media.rtmp.server import ServerSession
from metropole_media.rtmp.states import State
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, Publisher, filler

VIDEO_CONFIG = b"\x17\0\0\0\0" + AVCC
AUDIO_CONFIG = b"\xaf\0" + ASC


def names(publisher: Publisher) -> list[object]:
    return [
        amf0.decode(bytes(message.payload))[:2]
        for message in publisher.answers()
        if message.type == messages.COMMAND
    ]


def test_an_encoder_is_answered_as_it_expects(publisher: Publisher) -> None:
    publisher.shake()
    publisher.command("connect", 1.0, {"app": "live/"})
    kinds = [(message.type, bytes(message.payload)) for message in publisher.answers()]
    assert [kind for kind, _ in kinds] == [5, 6, 20]
    assert publisher.reader.chunk_size == 60_000
    connected = amf0.decode(kinds[2][1])
    assert connected[:2] == ["_result", 1.0]
    assert isinstance(connected[3], dict)
    assert connected[3]["code"] == "NetConnection.Connect.Success"
    publisher.command("releaseStream", 2.0, None, "secret")
    publisher.command("FCPublish", 3.0, None, "secret")
    publisher.command("createStream", 4.0, None)
    publisher.command("_checkbw", 5.0, None)
    publisher.command("getStreamLength", 6.0, None, "secret")
    publisher.command("somethingElse", 7.0, None)
    publisher.command("quiet", 0.0, None)
    replies = [
        amf0.decode(bytes(message.payload))
        for message in publisher.answers()
        if message.type == messages.COMMAND
    ]
    assert [(reply[0], reply[1]) for reply in replies] == [
        ("_result", 2.0), ("_result", 3.0), ("_result", 4.0), ("_result", 5.0), ("_result", 6.0),
        ("_error", 7.0),
    ]  # fmt: skip
    assert replies[2][3] == 1.0


def test_publishing_waits_for_the_decision(publisher: Publisher) -> None:
    publisher.ask("secret?a=b", app="live?x=y")
    assert publisher.events == [PublishRequested("live", "secret")]
    assert "secret" not in repr(publisher.events)
    assert publisher.statuses() == []
    assert publisher.session.state is State.AUTHORISING
    publisher.session.accept()
    assert publisher.statuses() == [["status", answers.START, "Publishing has begun."]]


def test_what_comes_early_is_kept_and_then_read(publisher: Publisher) -> None:
    publisher.ask()
    assert publisher.send(publisher.writer.set_chunk_size(4096)) == []
    body = b"\x17\1\0\0\0" + IDR + filler(3000)
    assert publisher.video(0, VIDEO_CONFIG) == publisher.audio(0, AUDIO_CONFIG) == []
    assert publisher.video(0, body) == []
    assert publisher.session.kept > len(body)
    tracks, packet = publisher.session.accept()
    assert isinstance(tracks, TracksKnown)
    assert isinstance(packet, Packet)
    assert packet.key
    assert publisher.session.kept == 0


@pytest.mark.parametrize("kind", [messages.COMMAND, messages.COMMAND_AMF3])
def test_commands_may_wear_the_type_of_amf3(publisher: Publisher, kind: int) -> None:
    publisher.shake()
    publisher.command("connect", 1.0, {"app": "live", "objectEncoding": 3.0}, kind=kind)
    publisher.command("createStream", 2.0, None, kind=kind)
    assert names(publisher) == [["_result", 1.0], ["_result", 2.0]]


def test_a_refusal_is_told(publisher: Publisher) -> None:
    publisher.ask()
    publisher.session.refuse(answers.BAD_NAME, "Copy the key again.")
    assert publisher.statuses() == [["error", answers.BAD_NAME, "Copy the key again."]]
    assert publisher.send(b"whatever") == []
    assert publisher.session.outgoing() == b""


def test_media_becomes_tracks_and_packets(publisher: Publisher) -> None:
    publisher.go_live()
    meta: amf0.Value = {"videocodecid": 7.0, "audiocodecid": 10.0, "framerate": 30.0}
    publisher.send(
        publisher.writer.message(
            3, messages.DATA, amf0.encode(["@setDataFrame", "onMetaData", meta])
        )
    )
    publisher.audio(0, AUDIO_CONFIG)
    publisher.audio(0, b"\xaf\1sound")
    assert publisher.events[1:] == []
    publisher.video(0, VIDEO_CONFIG)
    publisher.video(0, b"\x17\1\0\0\x21" + IDR)
    publisher.video(33, b"\x27\1\0\0\0" + SLICE)
    known, *packets = publisher.events[1:]
    assert isinstance(known, TracksKnown)
    video, audio = known.tracks
    assert (video.id, video.codec, video.width, video.height) == (0, "avc1.64001f", 1280, 720)
    assert (video.config, video.timescale, video.frame_rate) == (AVCC, 1000, 30.0)
    assert (audio.id, audio.codec, audio.sample_rate, audio.channels) == (
        100,
        "mp4a.40.2",
        48000,
        2,
    )
    assert [
        (packet.track, packet.dts, packet.pts, packet.key, bytes(packet.data))
        for packet in packets
        if isinstance(packet, Packet)
    ] == [(100, 0, 0, True, b"sound"), (0, 0, 33, True, IDR), (0, 33, 33, False, SLICE)]


def test_without_metadata_a_lonely_track_is_waited_for_a_second(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.audio(0, AUDIO_CONFIG)
    for stamp in range(0, 990, 21):
        assert publisher.audio(stamp, b"\xaf\1a") == []
    known, *packets = publisher.audio(1000, b"\xaf\1a")
    assert isinstance(known, TracksKnown)
    assert [track.kind for track in known.tracks] == ["audio"]
    assert len(packets) == 49
    # A picture that comes later is announced as well.
    assert publisher.video(1010, VIDEO_CONFIG) == []
    again, _ = publisher.video(1010, b"\x17\1\0\0\0" + IDR)
    assert isinstance(again, TracksKnown)
    assert [track.kind for track in again.tracks] == ["video", "audio"]


def test_waiting_is_bounded_in_number(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.audio(0, AUDIO_CONFIG)
    counts = [len(publisher.audio(stamp, b"\xaf\1a")) for stamp in range(256)]
    assert counts == [0] * 255 + [257]


def test_metadata_that_promises_sound_alone_is_believed(publisher: Publisher) -> None:
    publisher.go_live()
    data = amf0.encode(["onMetaData", {"audiocodecid": 10.0}])
    publisher.send(publisher.writer.message(3, messages.DATA_AMF3, b"\0" + data))
    publisher.audio(0, AUDIO_CONFIG)
    assert len(publisher.audio(0, b"\xaf\1a")) == 2


def test_a_changed_configuration_is_announced_an_equal_one_is_not(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.audio(0, AUDIO_CONFIG)
    publisher.video(0, b"\x17\1\0\0\0" + IDR)
    assert publisher.video(33, VIDEO_CONFIG) == []
    assert publisher.audio(33, b"\xaf\0" + bytes.fromhex("1208")) == []
    known, _ = publisher.video(33, b"\x27\1\0\0\0" + SLICE)
    assert isinstance(known, TracksKnown)
    assert known.tracks[1].sample_rate == 44100


SPS_INSIDE = bytes.fromhex("00000017674d402aeca03c0113f2c2000007d20003a9801e30632c")
PPS_INSIDE = bytes.fromhex("0000000568ebe3cb20")


def test_settings_that_change_inside_a_frame_are_announced_once(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.audio(0, AUDIO_CONFIG)
    publisher.video(0, b"\x17\1\0\0\0" + IDR)
    body = b"\x17\1\0\0\0" + SPS_INSIDE + PPS_INSIDE + IDR
    known, packet = publisher.video(33, body)
    assert isinstance(known, TracksKnown)
    assert (known.tracks[0].width, known.tracks[0].codec) == (1920, "avc1.4d402a")
    assert isinstance(packet, Packet)
    # A header that repeats what stood at the beginning is no way back.
    assert publisher.video(66, VIDEO_CONFIG) == []
    assert len(publisher.video(66, body)) == 1
    # Sets alone are no frame, and senseless ones change nothing.
    assert publisher.video(99, b"\x17\1\0\0\0" + SPS_INSIDE) == []
    assert len(publisher.video(99, b"\x17\1\0\0\0" + b"\0\0\0\2\x67\x64" + IDR)) == 1


def notices(publisher: Publisher) -> list[str]:
    return [event.sentence for event in publisher.events if isinstance(event, Notice)]


def test_frames_without_a_configuration_are_told_once(publisher: Publisher) -> None:
    publisher.go_live()
    for stamp in range(0, 9000, 30):
        publisher.video(stamp, b"\x17\1\0\0\0" + IDR)
        publisher.audio(stamp, b"\xaf\1a")
    assert notices(publisher) == [NO_VIDEO_CONFIG, NO_AUDIO_CONFIG]


def test_time_stamps_that_stand_still_are_told_once(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    for _ in range(200):
        publisher.video(0, b"\x17\1\0\0\0" + IDR)
    assert notices(publisher) == [STANDING]


def test_jumps_are_told_again_but_not_with_every_packet(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    for number in range(1200):
        publisher.video(number * 20 + number % 2 * 1_000_000, b"\x17\1\0\0\0" + IDR)
    found = [event.code for event in publisher.events if isinstance(event, Notice)]
    assert found == ["timestamps_jump"] * 3


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        (IDR[:-1], b""),
        (b"\x7f\xff\xff\xff" + IDR[4:], b""),
        (IDR + b"\0\0", IDR),
        (IDR + SLICE[:-1], IDR),
        (bytes(4) + IDR, b""),
    ],
)
def test_what_cannot_be_read_is_left_out_and_told(
    publisher: Publisher, rest: bytes, kept: bytes
) -> None:
    """Browsers give up a whole stream for one wrong length."""
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.audio(0, AUDIO_CONFIG)
    publisher.video(0, b"\x17\1\0\0\0" + IDR)
    events = publisher.video(33, b"\x17\1\0\0\0" + rest)
    assert b"".join(bytes(event.data) for event in events if isinstance(event, Packet)) == kept
    assert notices(publisher) == [UNREADABLE]


def test_a_time_of_showing_that_no_codec_could_ask_for_is_not_believed(
    publisher: Publisher,
) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.audio(0, AUDIO_CONFIG)
    for offset in (b"\x7f\xff\xff", b"\x80\0\0"):
        packet = publisher.video(0, b"\x17\1" + offset + IDR)[-1]
        assert isinstance(packet, Packet)
        assert packet.pts == packet.dts


def test_an_aggregate_is_read(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.audio(0, AUDIO_CONFIG)
    publisher.video(0, b"\x17\1\0\0\0" + IDR)
    body = b"\xaf\1snd"
    inner = b"\x08" + len(body).to_bytes(3, "big") + bytes(7) + body + bytes(4)
    events = publisher.send(publisher.writer.message(4, messages.AGGREGATE, inner * 2))
    assert len(events) == 2


@pytest.mark.parametrize("name", ["FCUnpublish", "deleteStream", "closeStream"])
def test_the_end_is_said(publisher: Publisher, name: str) -> None:
    publisher.go_live()
    assert publisher.command(name, 9.0, None, "secret") == [PublishEnded()]
    assert publisher.statuses()[-1][1] == answers.UNPUBLISHED
    # What an encoder says after it is ignored, even nonsense.
    assert publisher.send(b"\xff" * 100) == []


def test_pings_are_answered(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.answers()
    publisher.send(publisher.writer.message(2, messages.USER_CONTROL, b"\0\x06abcd"))
    (pong,) = publisher.answers()
    assert (pong.type, bytes(pong.payload)) == (messages.USER_CONTROL, b"\0\x07abcd")


def test_what_arrived_is_acknowledged_once_a_window() -> None:
    publisher = Publisher(replace(RtmpLimits(), window=100_000))
    publisher.go_live()
    publisher.video(0, VIDEO_CONFIG)
    publisher.answers()
    for at in range(10):
        publisher.video(at, b"\x27\1\0\0\0" + bytes(25_000))
    acknowledged = [
        int.from_bytes(message.payload, "big")
        for message in publisher.answers()
        if message.type == messages.ACKNOWLEDGEMENT
    ]
    assert len(acknowledged) == 2
    assert acknowledged[1] <= publisher.session.received


def test_the_peer_may_set_the_window_but_not_absurdly(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.answers()
    publisher.send(publisher.writer.message(2, messages.WINDOW_SIZE, messages.number(1)))
    assert publisher.answers() == []


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (lambda p: (p.shake(), p.command("publish", 1.0, None, "k")), "before connect"),
        (lambda p: (p.ask(), p.session.accept(), p.command("publish", 1.0, None, "k")), "publish"),
        (lambda p: (p.go_live(), p.command("connect", 1.0, {})), "connect"),
        (lambda p: (p.go_live(), p.command("play", 1.0, None, "k")), "channel's page"),
        (lambda p: (p.shake(), p.command(1.0, "connect")), "without a name"),
        (lambda p: (p.shake(), p.command("connect")), "without a name"),
        (lambda p: (p.shake(), p.command("connect", 1.0, {}), p.video(0, b"\x17")), "before it"),
        (lambda p: (p.shake(), p.send(ChunkWriter().message(3, 17, b"\3"))), "AMF3"),
        (lambda p: (p.shake(), p.command("connect", 1.0), p.command("publish", 1.0, None, 3.0)),
         "name"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(steps: Callable[[Publisher], object], words: str) -> None:
    publisher = Publisher()
    with pytest.raises(BadMessage, match=words):
        steps(publisher)
    publisher.answers()
    publisher.session.fail(answers.FAILED, "That made no sense.")
    assert [status[:2] for status in publisher.statuses()] == [["error", answers.FAILED]]
    assert publisher.session.state is State.CLOSED


def test_a_broken_configuration_is_refused_in_words(publisher: Publisher) -> None:
    publisher.go_live()
    with pytest.raises(BadTag, match="cut off"):
        publisher.video(0, VIDEO_CONFIG[:20])


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (lambda p: (p.ask(), p.send(bytes(65536))), "too much"),
        (lambda p: (p.shake(), p.send(b"\3\0\0\0\1\0\1\x14" + bytes(4))), "65537"),
        (lambda p: p.ask("k" * 513), "too long"),
        (lambda p: (p.go_live(), p.send(b"\4\0\0\0\xff\xff\xff\x09" + bytes(4))), "1000"),
        (lambda p: [p.shake(), p.command("connect", 1.0)]
            + [p.command("createStream", 1.0, None) for _ in range(9)], "many streams"),
        (lambda p: (p.go_live(), p.send(p.writer.message(3, 18, bytes(70_000)))), "too long"),
    ],
)  # fmt: skip
def test_bounds(steps: Callable[[Publisher], object], words: str) -> None:
    publisher = Publisher(replace(RtmpLimits(), message=100_000))
    with pytest.raises(LimitExceeded, match=words):
        steps(publisher)
    assert publisher.session.kept <= 2 * 65536


GOOD = st.sampled_from(
    [
        ChunkWriter().message(3, 20, amf0.encode(["connect", 1.0, {"app": "live"}])),
        ChunkWriter().message(3, 20, amf0.encode(["createStream", 1.0, None])),
        ChunkWriter().message(3, 20, amf0.encode(["publish", 1.0, None, "key"]), stream_id=1),
        ChunkWriter().message(3, 20, amf0.encode(["deleteStream", 1.0, None])),
        ChunkWriter().message(3, 18, amf0.encode(["onMetaData", {"framerate": 30.0}])),
        ChunkWriter().message(4, 9, VIDEO_CONFIG),
        ChunkWriter().message(4, 8, AUDIO_CONFIG),
        ChunkWriter().message(4, 9, b"\x17\1\0\0\0" + IDR),
        ChunkWriter().message(2, 1, messages.number(4096)),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(GOOD | st.binary(max_size=30), max_size=30), st.integers(1, 4000), st.booleans())
def test_no_octets_do_more_than_be_refused(parts: list[bytes], size: int, live: bool) -> None:
    limits = replace(RtmpLimits(), message=100_000, unfinished=200_000)
    session = ServerSession(bytes(RANDOM_OCTETS), limits, lambda: 0.0)
    wire = b"\3" + bytes(2 * BLOCK)
    if live:
        wire += ChunkWriter().message(3, 20, amf0.encode(["connect", 1.0, {"app": "live"}]))
        wire += ChunkWriter().message(3, 20, amf0.encode(["publish", 1.0, None, "key"]))
    wire += b"".join(parts)
    try:
        for at in range(0, len(wire), size):
            session.receive(memoryview(wire[at : at + size]))
            if session.state is State.AUTHORISING:
                session.accept()
            assert session.kept <= 300_000
    except ProtocolError as error:
        session.fail(answers.FAILED, str(error))
    assert len(session.outgoing()) < 100_000
