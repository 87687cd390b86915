"""LiveStream: one timeline across publishers, and subscribers who cannot hurt each other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metropole_media.live import MAX_SUBSCRIBERS, MAX_TRACKS, LiveStream, Packet, Track

VIDEO = Track(0, "video", "avc1", "avc1.640028", 1000, b"v", width=1280, height=720)
AUDIO = Track(100, "audio", "mp4a", "mp4a.40.2", 1000, b"a", sample_rate=48000, channels=2)


def packet(track: int, dts: int, pts: int | None = None, data: bytes = b"x") -> Packet:
    return Packet(track, dts, dts if pts is None else pts, True, data)


@dataclass
class Follower:
    """Writes down what it is told."""

    said: list[tuple[object, ...]] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    then: Callable[[], None] = lambda: None

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        self.said.append(("tracks", tuple(track.id for track in tracks), epoch))

    def on_packet(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.then()

    def on_interrupted(self) -> None:
        self.said.append(("interrupted",))

    def on_end(self) -> None:
        self.said.append(("end",))

    def dts(self, track: int) -> list[int]:
        return [packet.dts for packet in self.packets if packet.track == track]


class Broken(Follower):
    """Raises in the method of that name."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.calls = 0
        setattr(self, method, self._fail)

    def _fail(self, *arguments: object) -> None:
        self.calls += 1
        raise LookupError("a bug in a subscriber")


def stream(now: float = 7.0) -> tuple[LiveStream, Follower]:
    live = LiveStream("test", lambda: now)
    follower = Follower()
    live.subscribe(follower)
    return live, follower


def test_a_broadcast_from_its_beginning_to_its_end() -> None:
    live, follower = stream()
    assert not live.stats.publisher
    publisher = live.attach()
    publisher.describe((VIDEO, AUDIO))
    publisher.write(packet(0, 0, data=b"1234"))
    assert live.stats == replace(live.stats, packets=1, octets=4, last_packet_at=7.0)
    assert live.stats.publisher
    publisher.detach()
    assert not live.stats.publisher
    live.end()
    live.end()
    assert follower.said == [("tracks", (0, 100), 1), ("interrupted",), ("end",)]


def test_ending_detaches_the_publisher() -> None:
    live, follower = stream()
    publisher = live.attach()
    publisher.describe((VIDEO,))
    live.end()
    assert publisher.detached
    publisher.write(packet(0, 0))
    publisher.describe((AUDIO,))
    assert follower.said == [("tracks", (0,), 1), ("interrupted",), ("end",)]
    assert follower.packets == []
    with pytest.raises(RuntimeError, match="has ended"):
        live.attach()


def test_one_publisher_at_a_time() -> None:
    live, _ = stream()
    first = live.attach()
    with pytest.raises(RuntimeError, match="has a publisher"):
        live.attach()
    first.detach()
    second = live.attach()
    first.detach()  # late, and twice: the second stays
    assert live.stats.publisher
    assert not second.detached


def test_any_first_time_stamp_becomes_zero() -> None:
    live, follower = stream()
    publisher = live.attach()
    publisher.describe((VIDEO, AUDIO))
    publisher.write(packet(0, 90_000, 90_080))
    publisher.write(packet(100, 90_010))
    assert [(p.track, p.dts, p.pts) for p in follower.packets] == [(0, 0, 80), (100, 10, 10)]


def test_a_publisher_that_returns_goes_on_where_the_last_one_ended() -> None:
    live, follower = stream()
    for start in (5_000, 0, 1_000_000):
        publisher = live.attach()
        publisher.describe((VIDEO, AUDIO))
        for index in range(4):
            publisher.write(packet(0, start + 40 * index))
            publisher.write(packet(100, start + 40 * index))
        publisher.detach()
    assert follower.dts(0) == follower.dts(100) == list(range(0, 480, 40))
    assert [said[2] for said in follower.said if said[0] == "tracks"] == [1, 2, 3]


def test_the_longest_track_says_where_the_end_is() -> None:
    live, follower = stream()
    first = live.attach()
    first.describe((VIDEO, AUDIO))
    for dts in (0, 40, 80):
        first.write(packet(0, dts))
    for dts in (0, 21, 42):
        first.write(packet(100, dts))
    first.detach()
    second = live.attach()
    second.describe((VIDEO, AUDIO))
    second.write(packet(100, 0))
    second.write(packet(0, 0))
    assert follower.dts(100)[-1] == follower.dts(0)[-1] == 120


def test_sound_that_would_be_heard_twice_is_left_out() -> None:
    live, follower = stream()
    first = live.attach()
    first.describe((VIDEO, AUDIO))
    for index in range(3):
        first.write(packet(0, 40 * index))
        first.write(packet(100, 40 * index))
    first.detach()
    second = live.attach()
    second.describe((VIDEO, AUDIO))
    second.write(packet(0, 100))  # placed at 120
    for dts in (0, 50, 60, 100):  # 100 before the picture, then level with it
        second.write(packet(100, dts))
    assert follower.dts(100) == [0, 40, 80, 80, 120]
    assert live.stats.dropped == 2


def test_a_picture_is_never_left_out() -> None:
    live, follower = stream()
    publisher = live.attach()
    publisher.describe((VIDEO,))
    publisher.write(packet(0, 100, 180))
    publisher.write(packet(0, 60, 70))
    publisher.write(packet(0, 140, 140))
    assert [(p.dts, p.pts) for p in follower.packets] == [(0, 80), (0, 0), (40, 40)]


def test_a_track_that_comes_back_in_another_timescale() -> None:
    live, follower = stream()
    first = live.attach()
    first.describe((VIDEO,))
    first.write(packet(0, 0))
    first.write(packet(0, 40))
    first.detach()
    second = live.attach()
    second.describe((replace(VIDEO, timescale=90_000),))
    second.write(packet(0, 12))
    second.write(packet(0, 12 + 3600))
    assert follower.dts(0) == [0, 40, 7200, 10_800]
    second.detach()
    third = live.attach()
    third.describe((VIDEO,))
    third.write(packet(0, 0))
    assert follower.dts(0)[-1] == 160


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from([0, 100]), st.integers(-(2**31), 2**31)),
            max_size=20,
        ),
        max_size=5,
    )
)
def test_decode_times_never_go_back(publishers: list[list[tuple[int, int]]]) -> None:
    live, follower = stream()
    sent = 0
    for packets in publishers:
        publisher = live.attach()
        publisher.describe((VIDEO, AUDIO))
        for track, dts in packets:
            publisher.write(packet(track, dts))
            sent += 1
        publisher.detach()
    for track in (0, 100):
        assert follower.dts(track) == sorted(follower.dts(track))
    assert all(p.pts >= p.dts for p in follower.packets)
    assert len(follower.packets) + live.stats.dropped == sent
    assert live.stats.packets == len(follower.packets)


def test_packets_of_tracks_that_were_not_described_are_ignored() -> None:
    live, follower = stream()
    first = live.attach()
    first.write(packet(0, 0))
    first.describe((VIDEO,))
    first.write(packet(100, 0))
    first.detach()
    first.write(packet(0, 40))
    # What the one before described does not count for the next one.
    second = live.attach()
    second.write(packet(0, 0))
    assert follower.packets == []
    assert live.stats.packets == 0


def test_descriptions_are_bounded() -> None:
    live, follower = stream()
    publisher = live.attach()
    many = tuple(replace(VIDEO, id=number) for number in range(MAX_TRACKS + 1))
    publisher.describe(many[:MAX_TRACKS])
    with pytest.raises(ValueError, match="17 tracks"):
        publisher.describe(many)
    with pytest.raises(ValueError, match="the same id"):
        publisher.describe((VIDEO, VIDEO))
    assert len(live.tracks) == MAX_TRACKS
    assert len(follower.said) == 1


def test_who_follows_later_is_told_the_tracks() -> None:
    live, _ = stream()
    publisher = live.attach()
    early = Follower()
    live.subscribe(early)
    assert early.said == []
    publisher.describe((VIDEO,))
    late = Follower()
    leave = live.subscribe(late)
    assert late.said == early.said == [("tracks", (0,), 1)]
    leave()
    leave()
    publisher.write(packet(0, 0))
    assert late.packets == []
    assert len(early.packets) == 1


def test_who_follows_after_the_end_is_told_so() -> None:
    live, _ = stream()
    live.end()
    follower = Follower()
    live.subscribe(follower)()
    assert follower.said == [("end",)]


def test_subscribers_are_bounded() -> None:
    live, _ = stream()
    leave = [live.subscribe(Follower()) for _ in range(MAX_SUBSCRIBERS - 1)]
    with pytest.raises(RuntimeError, match="64 subscribers"):
        live.subscribe(Follower())
    leave[0]()
    live.subscribe(Follower())


def test_leaving_in_a_call_leaves_out_nobody_else() -> None:
    live, last = stream()
    first = Follower()
    second = Follower()
    first.then = live.subscribe(first)
    live.subscribe(second)
    publisher = live.attach()
    publisher.describe((VIDEO,))
    publisher.write(packet(0, 0))
    publisher.write(packet(0, 1))
    assert len(first.packets) == 1
    assert len(second.packets) == len(last.packets) == 2


@pytest.mark.parametrize("method", ["on_tracks", "on_packet", "on_interrupted", "on_end"])
def test_a_subscriber_that_raises_is_taken_off_and_hurts_nobody(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    live = LiveStream("test", lambda: 0.0)
    broken, follower = Broken(method), Follower()
    live.subscribe(broken)
    live.subscribe(follower)
    with caplog.at_level(logging.ERROR):
        publisher = live.attach()
        publisher.describe((VIDEO,))
        publisher.write(packet(0, 0))
        publisher.write(packet(0, 40))
        publisher.detach()
        live.end()
    assert broken.calls == 1
    assert len(follower.packets) == 2
    assert follower.said == [("tracks", (0,), 1), ("interrupted",), ("end",)]
    assert len(caplog.records) == 1
    assert "Broken no longer follows stream test" in caplog.text
