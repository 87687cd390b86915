"""Encoders that become another source with every frame: what their followers hear of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from metropole_media.live import Packet
from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.allowance import Allowance
from metropole_media.rtmp.assembly import (
    CHANGE_SECONDS,
    CHANGES_AT_ONCE,
    CHANGING,
    MANY_CHANGES,
    READING,
    WORDS_AT_ONCE,
    Assembly,
)
from metropole_media.rtmp.errors import LimitExceeded
from metropole_media.rtmp.events import Event, Notice, TracksKnown
from metropole_media.rtmp.lanes import MAX_COLOUR, VideoLane
from metropole_media.rtmp.messages import Message
from tests.media.rtmp.test_many_tracks import PPS_INSIDE, SPS_INSIDE
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, Publisher

OWN_SETS = b"\0\0\0\x17" + AVCC[8:31] + b"\0\0\0\x06" + AVCC[34:40]
FRAMES = {1280: OWN_SETS + IDR, 1920: SPS_INSIDE + PPS_INSIDE + IDR}
"""Key frames with their sets, by width."""


class Encoder:
    def __init__(self) -> None:
        self.now = 100.0
        self.assembly = Assembly(lambda: self.now)
        self.stamp = 0

    def send(self, kind: int, body: bytes) -> list[Event]:
        out: list[Event] = []
        self.assembly.take(Message(kind, self.stamp, 1, memoryview(body)), out)
        return out

    def begin(self) -> None:
        self.send(messages.VIDEO, b"\x17\0\0\0\0" + AVCC)
        self.send(messages.AUDIO, b"\xaf\0" + ASC)
        assert widths(self.picture(1280)) == [1280]

    def picture(self, width: int) -> list[Event]:
        self.stamp += 33
        return self.send(messages.VIDEO, b"\x17\1\0\0\0" + FRAMES[width])

    def rest_of_it(self) -> list[Event]:
        self.stamp += 33
        return self.send(messages.VIDEO, b"\x27\1\0\0\0" + SLICE)

    def sound(self) -> list[Event]:
        return self.send(messages.AUDIO, b"\xaf\1sound")


def widths(events: Iterable[Event]) -> list[int]:
    return [event.tracks[0].width for event in events if isinstance(event, TracksKnown)]


def ids(events: Iterable[Event]) -> list[int]:
    return [event.track for event in events if isinstance(event, Packet)]


@pytest.fixture
def encoder() -> Encoder:
    encoder = Encoder()
    encoder.begin()
    return encoder


def test_other_settings_with_every_frame_are_told_now_and_then(encoder: Encoder) -> None:
    events = []
    for number in range(600):
        events += encoder.picture((1920, 1280)[number % 2])
        encoder.now += 1 / 30
    assert CHANGES_AT_ONCE <= len(widths(events)) <= CHANGES_AT_ONCE + 20 / CHANGE_SECONDS + 1
    assert [e.sentence for e in events if isinstance(e, Notice)] == [CHANGING]
    # The rest of its life it may do so even less.
    later = []
    for number in range(MANY_CHANGES * 2):
        later += encoder.picture((1920, 1280)[number % 2])
        encoder.now += CHANGE_SECONDS
    assert len(widths(later)) <= MANY_CHANGES + MANY_CHANGES / 10


def test_the_newest_one_is_told_when_it_may_be(encoder: Encoder) -> None:
    for number in range(CHANGES_AT_ONCE):
        assert widths(encoder.picture((1920, 1280)[number % 2]))
    # Described as 1280. Frames of another picture are not for those who were told of that one.
    assert ids(encoder.picture(1920)) == []
    assert ids(encoder.rest_of_it()) == []
    assert ids(encoder.sound()) == [100]
    assert ids(encoder.picture(1280)) == [0]
    assert ids(encoder.picture(1920)) == []
    encoder.now += CHANGE_SECONDS
    found = encoder.rest_of_it()
    assert widths(found) == [1920]
    assert ids(found) == [0]


def test_time_stamps_buy_no_words(encoder: Encoder) -> None:
    """However fast the source's time runs, and whoever has to write them down."""
    events = []
    for _ in range(400):
        for step in (1000, 4000, 16000, -100_000):
            encoder.stamp = max(0, encoder.stamp + step)
            events += encoder.rest_of_it()
    jumps = [e for e in events if isinstance(e, Notice) and e.code == "timestamps_jump"]
    assert 1 <= len(jumps) <= WORDS_AT_ONCE


MANY = b"\x95\x11mp4a" + b"\0\0\0\1x" * 64
"""As many frames as fit into one message."""


def test_one_read_holds_a_bounded_number_of_frames(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.audio(0, b"\xaf\0" + ASC)
    messages_ = [publisher.writer.message(6, messages.AUDIO, MANY) for _ in range(65)]
    publisher.send(b"".join(messages_[:32]))
    assert publisher.session.frames > 32 * 64
    with pytest.raises(LimitExceeded, match="more frames"):
        publisher.send(b"".join(messages_))
    assert publisher.session.frames <= 100 * 64 + READING


def test_what_has_to_be_read_counts_as_many_frames(publisher: Publisher) -> None:
    publisher.go_live()
    before = publisher.session.frames
    publisher.video(0, b"\x17\0\0\0\0" + AVCC)
    assert publisher.session.frames == before + 1 + READING
    # Sets that are repeated need no reading, others do.
    for width, cost in ((1280, READING), (1280, 0), (1920, READING), (1920, 0), (1280, READING)):
        before = publisher.session.frames
        publisher.video(0, b"\x17\1\0\0\0" + FRAMES[width])
        assert publisher.session.frames == before + 1 + cost


def test_much_about_colour_is_not_read() -> None:
    lane = VideoLane(0)
    lane.configure("avc1", AVCC)
    said = {"colorConfig": {"colorPrimaries": 9.0}}
    long = amf0.encode(["colorInfo", {**said, "note": "x" * MAX_COLOUR}])
    assert not lane.take_colour(memoryview(long))
    assert lane.take_colour(memoryview(amf0.encode(["colorInfo", said])))


def test_an_allowance_is_saved_up_to_its_bound() -> None:
    now = 0.0
    allowance = Allowance(lambda: now, at_once=2, seconds=1, many=4, seconds_later=10)
    taken = []
    for now in (0.0, 0.0, 0.0, 0.9, 1.0, 60.0, 60.0, 60.0, 65.0, 69.9, 70.0):  # noqa: B007
        taken.append(allowance.take())
    assert taken == [True, True, False, False, True, True, True, False, False, False, True]
