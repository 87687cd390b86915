from __future__ import annotations

import pytest

from metropole_media.ladder import MAX_RENDITIONS, RenditionPlan
from metropole_media.live import LiveStream, Packet, Track

HD = RenditionPlan("720p", 1280, 720, 30.0, 2_500_000, "avc1.64001f")
SD = RenditionPlan("480p", 854, 480, 30.0, 1_200_000, "avc1.64001e")
SOUND = RenditionPlan("audio", 0, 0, 0.0, 0, "")
VIDEO = Track(0, "video", "avc1", "avc1.64001f", 90_000, b"\1")


class Heard:
    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.ended = False

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None: ...

    def on_packet(self, packet: Packet) -> None:
        self.packets.append(packet)

    def on_interrupted(self) -> None: ...

    def on_end(self) -> None:
        self.ended = True


@pytest.fixture
def stream() -> LiveStream:
    return LiveStream("lab", lambda: 0.0)


def test_packets_of_a_rendition_keep_their_times(stream: LiveStream) -> None:
    stream.ladder.declare((HD,))
    heard = Heard()
    feed = stream.ladder.feed("720p")
    feed.subscribe(heard)
    handle = feed.attach()
    handle.describe((VIDEO,))
    handle.write(Packet(0, 450_000, 453_000, True, b"x"))
    assert [(packet.dts, packet.pts) for packet in heard.packets] == [(450_000, 453_000)]
    stream.end()
    assert heard.ended


def test_watchers_hear_of_every_change_and_at_once_of_what_is_decided(stream: LiveStream) -> None:
    seen: list[tuple[RenditionPlan, ...] | None] = []
    leave = stream.ladder.watch(lambda: seen.append(stream.ladder.plans))
    assert seen == []
    stream.ladder.declare((HD, SD))
    stream.ladder.declare((HD, SD))
    stream.ladder.shed("720p")
    stream.ladder.shed("720p")
    assert seen == [(HD, SD), (SD,)]
    leave()
    leave()
    stream.ladder.declare(())
    late: list[tuple[RenditionPlan, ...] | None] = []
    stream.ladder.watch(lambda: late.append(stream.ladder.plans))
    assert (len(seen), late) == (2, [()])


def test_what_is_shed_ends_and_what_stays_goes_on(stream: LiveStream) -> None:
    stream.ladder.declare((HD, SD))
    high, low = stream.ladder.feed("720p"), stream.ladder.feed("480p")
    stream.ladder.shed("720p")
    assert (high.ended, low.ended) == (True, False)
    assert stream.ladder.feed("480p") is low
    with pytest.raises(KeyError):
        stream.ladder.feed("720p")
    stream.ladder.declare((HD, SD))
    assert stream.ladder.feed("720p") is not high


def test_a_rendition_that_is_planned_otherwise_is_another_one(stream: LiveStream) -> None:
    stream.ladder.declare((HD,))
    before = stream.ladder.feed("720p")
    stream.ladder.declare((RenditionPlan("720p", 1280, 720, 60.0, 4_000_000, "avc1.640020"),))
    assert before.ended
    assert stream.ladder.feed("720p") is not before


def test_sound_alone_needs_no_feed(stream: LiveStream) -> None:
    stream.ladder.declare((SOUND,))
    assert SOUND.audio_only
    with pytest.raises(KeyError):
        stream.ladder.feed("audio")


def test_a_ladder_is_bounded_and_names_are_told_apart(stream: LiveStream) -> None:
    many = tuple(
        RenditionPlan(f"r{n}", 16, 16, 30.0, 1000, "avc1") for n in range(MAX_RENDITIONS + 1)
    )
    for wrong in (many, (HD, HD)):
        with pytest.raises(ValueError, match="at most 16"):
            stream.ladder.declare(wrong)
    assert stream.ladder.plans is None


def test_after_the_end_nothing_is_declared(stream: LiveStream) -> None:
    stream.end()
    stream.ladder.declare((HD,))
    assert stream.ladder.plans is None
