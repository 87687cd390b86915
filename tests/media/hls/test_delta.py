"""Delta updates and rendition reports: what is left out of a playlist, and what is told beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.hls.playlist import RenditionReport, media_playlist, skippable
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import Packet, PublisherHandle
from metropole_media.packaged import Part, SegmentStart
from tests.support.packaging import AUDIO, VIDEO, Chain, Clock, frames, sound, together
from tests.support.playlist_check import (
    ReadPlaylist,
    apply_delta,
    check_playlist,
    check_with_hls_parser,
    read_playlist,
)


def chain(seconds: float = 40, limits: WindowLimits | None = None, gop: int = 60) -> Chain:
    made = Chain(limits=limits)
    made.send(made.publish(VIDEO, AUDIO), together(frames(round(30 * seconds), gop=gop), sound(1)))
    return made


def test_what_lies_wholly_before_the_boundary_is_left_out() -> None:
    window = chain().taken.window
    assert len(window.listed) == 16
    whole = check_playlist(media_playlist(window))
    assert whole.skip_until == 6 * whole.target == 12
    text = media_playlist(window, skip=skippable(window))
    delta = read_playlist(text)
    # Of 31.8 s; six segments of 2 s and the open one stay.
    assert delta.skipped == 9
    assert "EXT-X-MAP" not in text
    assert apply_delta(whole, text) == whole
    assert len(text) < 0.85 * len(media_playlist(window))
    check_with_hls_parser([text])


@pytest.mark.parametrize(
    ("limits", "gop", "boundary"),
    [
        (WindowLimits(), 60, 12.0),
        (WindowLimits(), 90, 18.0),
        (WindowLimits(min_segments=4, min_seconds=6), 60, 0.0),
        (WindowLimits(min_segments=6, min_seconds=6), 60, 0.0),
        (WindowLimits(min_segments=7, min_seconds=6), 60, 12.0),
        (WindowLimits(min_segments=4, min_seconds=14), 60, 12.0),
        (WindowLimits(min_segments=4, min_seconds=600, max_segments=6), 60, 0.0),
    ],
)
def test_a_window_too_short_for_it_promises_none(
    limits: WindowLimits, gop: int, boundary: float
) -> None:
    made = chain(60, limits, gop)
    assert check_playlist(made.taken.snapshots[-1]).skip_until == boundary
    assert (skippable(made.taken.window) > 0) == (boundary > 0)


def test_nothing_is_left_out_at_the_beginning_and_at_the_end() -> None:
    made = chain(13)
    assert skippable(made.taken.window) == 0
    made = chain(40)
    made.stream.end()
    assert skippable(made.taken.window) == 0
    assert check_playlist(media_playlist(made.taken.window)).ended


def send(made: Chain, publisher: PublisherHandle, packets: list[Packet]) -> None:
    """Each arrives at its time, counted from the beginning."""
    for packet in packets:
        made.clock.now = 1000 + packet.dts / 1000
        publisher.write(packet)


class Follower:
    """A client that applies deltas, and reloads no sooner than it likes."""

    def __init__(self) -> None:
        self.playlist: ReadPlaylist | None = None
        self.at = 0.0
        self.deltas = 0

    def reload(self, window: Window, now: float) -> None:
        whole = read_playlist(media_playlist(window))
        # Only with a playlist that is no older than half the skip boundary (section 6.2.5.1).
        if self.playlist is None or now - self.at > whole.skip_until / 2:
            self.playlist = whole
        else:
            text = media_playlist(window, skip=skippable(window))
            self.deltas += "EXT-X-SKIP" in text
            self.playlist = apply_delta(self.playlist, text)
        self.at = now
        assert self.playlist == whole


@settings(max_examples=20, deadline=None)
@given(
    gops=st.lists(st.sampled_from([10, 30, 45, 60, 90]), min_size=8, max_size=30),
    changes=st.sets(st.integers(1, 29), max_size=4),
    every=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    limits=st.builds(
        WindowLimits,
        min_segments=st.integers(4, 14),
        min_seconds=st.sampled_from([6.0, 14.0, 30.0]),
        max_octets=st.sampled_from([60_000, 1 << 28]),
    ),
)
def test_whoever_applies_deltas_has_the_whole_playlist(
    gops: list[int], changes: set[int], every: list[int], limits: WindowLimits
) -> None:
    made, follower = Chain(limits=limits), Follower()
    publisher = made.publish(VIDEO)
    reloads, at = 0, 0.0
    for number, gop in enumerate(gops):
        if number in changes:
            publisher.describe((replace(VIDEO, width=640 + number),))
        send(made, publisher, frames(gop, gop=gop, start=at, size=200 * every[0]))
        at += gop / 30
        if not made.taken.window.target_duration:
            continue
        # Several looks between two key frames, or none for a while.
        if number % every[reloads % len(every)] == 0:
            follower.reload(made.taken.window, made.clock.now)
            reloads += 1


def test_what_changes_moves_over_the_boundary() -> None:
    """Maps and discontinuities, each of which is at some time the first that is kept."""
    made, follower = Chain(), Follower()
    publisher = made.publish(VIDEO)
    for number in range(30):
        if number in (4, 9, 10):
            publisher.describe((replace(VIDEO, width=640 + number),))
        send(made, publisher, frames(60, start=2 * number))
        if number:
            follower.reload(made.taken.window, made.clock.now)
    assert len(made.taken.inits) == 4
    assert follower.deltas > 15


def test_a_follower_of_every_part() -> None:
    made, follower = Chain(), Follower()
    made.taken.on = lambda part: (
        follower.reload(made.taken.window, made.clock.now)
        if made.taken.window.target_duration and not part.last
        else None
    )
    made.send(made.publish(VIDEO, AUDIO), together(frames(1000), sound(33)))
    assert follower.deltas > 80


def test_reports_of_the_other_renditions() -> None:
    made = chain(20)
    other = Window(WindowLimits(), Clock())
    assert RenditionReport.of("v1.m3u8", other) is None
    other.add_init(made.taken.inits[0])
    other.begin_segment(SegmentStart(7, 1e9, False))
    for number in range(3):
        other.add_part(Part(number, 0.2, number == 0, b"x"))
    report = RenditionReport.of("v1.m3u8", other)
    assert report is not None
    text = media_playlist(made.taken.window, [report])
    assert text.endswith('#EXT-X-RENDITION-REPORT:URI="v1.m3u8",LAST-MSN=7,LAST-PART=2\n')
    assert check_playlist(text).reports == [("v1.m3u8", 7, 2)]
    check_with_hls_parser([text])
    made.stream.end()
    # Nobody follows a list that has ended.
    assert "RENDITION" not in media_playlist(made.taken.window, [report])
