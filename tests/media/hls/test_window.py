"""What is kept, for how long, and what it is called in the playlists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metropole_media.hls.multivariant import (
    Expected,
    Menu,
    Variant,
    measure,
    multivariant_playlist,
)
from metropole_media.hls.playlist import media_playlist
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.packaged import Init, Part, SegmentStart
from tests.support.packaging import AUDIO, START, VIDEO, Chain, Clock, frames, sound, together
from tests.support.playlist_check import check_history, check_playlist, check_with_hls_parser

INIT = Init(0, b"init", (VIDEO, AUDIO), 0.2, 30.0)


def only(window: Window) -> Menu:
    """The one variant there is."""
    return Menu([Variant("v0.m3u8", window, Expected(()))])


class Filler:
    """Fills a window with segments of two seconds in ten parts."""

    def __init__(self, limits: WindowLimits, size: int = 1000) -> None:
        self.clock = Clock()
        self.window = Window(limits, self.clock)
        self.size = size
        self.number = 0
        self.peak = 0
        self.texts: list[str] = []
        self.window.add_init(INIT)

    def segment(self, *, parts: int = 10, discontinuity: bool = False) -> None:
        start = SegmentStart(self.number, START + self.clock.now, discontinuity)
        self.window.begin_segment(start)
        self.number += 1
        for index in range(parts):
            self.clock.now += 0.2
            part = Part(self.window.next_part, 0.2, index == 0, bytes(self.size))
            self.window.add_part(part)
            self.peak = max(self.peak, self.window.octets)
            if self.window.target_duration:
                self.texts.append(media_playlist(self.window))
        self.window.end_segment(2)
        self.texts.append(media_playlist(self.window))


def numbers(window: Window) -> list[int]:
    return [segment.number for segment in window.listed]


def test_the_playlist_holds_at_least_what_is_asked() -> None:
    filler = Filler(WindowLimits(min_segments=12, min_seconds=30, linger_seconds=20))
    for _ in range(60):
        filler.segment()
    assert numbers(filler.window) == list(range(45, 60))
    check_history(filler.texts)


def test_a_segment_that_has_left_stays_fetchable_for_a_while() -> None:
    filler = Filler(WindowLimits(min_segments=4, min_seconds=6, linger_seconds=20))
    for _ in range(30):
        filler.segment()
    window = filler.window
    assert numbers(window) == [26, 27, 28, 29]
    # 20 s are ten segments.
    assert window.segment(17) is not None
    assert window.part(170) is not None
    assert window.segment(14) is None
    assert window.part(149) is None
    assert window.octets <= (4 + 11) * 10_000


def test_memory_is_bounded_by_dropping_the_oldest_whole() -> None:
    limit = 100_000
    filler = Filler(WindowLimits(min_segments=12, min_seconds=30, max_octets=limit))
    for _ in range(20):
        filler.segment()
    window = filler.window
    assert filler.peak <= limit
    assert window.octets == sum(segment.octets for segment in window.listed) == limit
    assert window.part(window.listed[0].parts[0].number - 1) is None
    check_history(filler.texts)


def test_tiny_segments_do_not_make_the_playlist_long() -> None:
    filler = Filler(WindowLimits(max_segments=50))
    for _ in range(200):
        filler.segment(parts=1)
    assert len(filler.window.listed) == 50
    assert len(filler.window._left) <= 51


def test_discontinuities_are_counted_when_they_leave() -> None:
    filler = Filler(WindowLimits(min_segments=4, min_seconds=6))
    for number in range(20):
        if number in (5, 9):
            filler.window.add_init(replace(INIT, number=number))
        filler.segment(discontinuity=number in (5, 9))
    check_history(filler.texts)
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:2\n" in filler.texts[-1]


def test_an_init_segment_stays_as_long_as_something_needs_it() -> None:
    filler = Filler(WindowLimits(min_segments=4, min_seconds=6, linger_seconds=10))
    filler.segment()
    filler.window.add_init(replace(INIT, number=1))
    filler.segment(discontinuity=True)
    assert filler.window.init(0) is not None
    for _ in range(20):
        filler.segment()
    assert filler.window.init(0) is None
    assert filler.window.init(1) is not None


def test_has_knows_what_a_player_has_not_seen() -> None:
    filler = Filler(WindowLimits())
    assert not filler.window.has(0, 0)
    filler.segment()
    window = filler.window
    assert window.has(0, 9)
    assert window.has(0, None)
    # Behind the last part of a segment comes the first of the next, which is not there yet.
    assert not window.has(0, 10)
    assert not window.has(1, 0)
    window.begin_segment(SegmentStart(1, START + 2000, False))
    window.add_part(Part(10, 0.2, True, b"x"))
    assert window.has(0, 10)
    assert window.has(1, 0)
    assert not window.has(1, None)
    assert not window.has(1, 1)


def test_the_playlist_of_a_stream_without_picture() -> None:
    chain = Chain()
    chain.send(chain.publish(AUDIO), sound(10))
    check_history(chain.taken.snapshots)
    text = multivariant_playlist(only(chain.taken.window))
    assert 'CODECS="mp4a.40.2"' in text
    assert "RESOLUTION" not in text
    assert "FRAME-RATE" not in text
    check_with_hls_parser([text])


def test_the_multivariant_playlist_says_what_was_measured() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(600, size=5000), sound(20)))
    window = chain.taken.window
    found = measure(window)
    # 30 frames of 5000 octets, 47 packets of 20, and the boxes around them.
    assert found.average == pytest.approx(8 * (30 * 5000 + 47 * 20), rel=0.04)
    assert found.average <= found.peak < found.average * 1.02
    assert multivariant_playlist(only(window)) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        f"#EXT-X-STREAM-INF:BANDWIDTH={found.peak},AVERAGE-BANDWIDTH={found.average},"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000\n'
        "v0.m3u8\n"
    )
    check_with_hls_parser([multivariant_playlist(only(window))])


def test_a_peak_is_a_peak() -> None:
    chain = Chain()
    chain.send(
        chain.publish(VIDEO),
        [*frames(60, size=1000), *frames(60, size=9000, start=2), *frames(61, size=1000, start=4)],
    )
    found = measure(chain.taken.window)
    assert found.peak == pytest.approx(8 * 30 * 9000, rel=0.05)
    assert found.average == pytest.approx(8 * 30 * 11_000 / 3, rel=0.05)


def test_the_playlist_stands_still_and_goes_on() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    chain.send(publisher, frames(150))
    publisher.detach()
    before = chain.taken.snapshots[-1]
    chain.clock.now += 25
    publisher = chain.publish(VIDEO)
    assert chain.taken.snapshots[-1] == before
    chain.send(publisher, frames(150))
    chain.stream.end()
    history = check_history(chain.taken.snapshots)
    assert check_playlist(before).hint is not None
    assert history[-1].ended
    assert "#EXT-X-DISCONTINUITY" not in chain.taken.snapshots[-1]
