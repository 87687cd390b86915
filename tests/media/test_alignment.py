"""Where a follower begins its segments: the rules one by one, then whatever comes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metropole_media.alignment import Boundary, Follower, Grid, Step
from metropole_media.following import MAX_WAITING, FollowingPackager
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream, Packet, Track
from metropole_media.numbers import Numbers
from metropole_media.packager import Choice
from metropole_media.segmenter import PackagerSettings
from tests.support.packaging import AUDIO, VIDEO, Chain, Taken, frames, sound, together
from tests.support.playlist_check import check_history, check_playlist

SECOND, FRAME = 90_000, 3000


def grid(*seconds: float, hard: Iterable[float] = ()) -> Grid:
    """Segments from number 10 on; the leader has come two seconds further."""
    made = Grid()
    for index, at in enumerate(seconds):
        made.add(Boundary(10 + index, round(at * SECOND), at, False, 0, at in hard))
    made.passed += 2 * SECOND
    return made


def cut(where: Grid, fps: float, keys: Iterable[float], *spans: tuple[float, float]) -> list[str]:
    """The follower's segments ("10 at 0.0"), "!" where it began anew, "?" without a key frame."""
    follower, found = Follower(where, round(SECOND / fps / 2)), []
    wanted = {round(key * fps) for key in keys}
    for begin, end in spans:
        for number in range(round(begin * fps), round(end * fps)):
            at = round(number * SECOND / fps)
            key = number in wanted
            step = follower.judge(at, at, key)
            if step in (Step.BEGIN, Step.ANEW):
                mark = "!" * (step is Step.ANEW) + "?" * (not key)
                found.append(f"{follower.boundary.number} at {at / SECOND:.1f}{mark}")
        follower.lose() if (begin, end) != spans[-1] else None
    return found


EVEN = (0.0, 2.0, 4.0, 6.0, 8.0)


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        (
            "the same key frames",
            cut(grid(*EVEN), 30, EVEN, (0, 9)),
            ["10 at 0.0", "11 at 2.0", "12 at 4.0", "13 at 6.0", "14 at 8.0"],
        ),
        (
            "half the frames",
            cut(grid(*EVEN), 15, EVEN, (0, 5)),
            ["10 at 0.0", "11 at 2.0", "12 at 4.0"],
        ),
        (
            "key frames that the source did not begin segments with",
            cut(grid(*EVEN), 30, [n / 2 for n in range(18)], (0, 5)),
            ["10 at 0.0", "11 at 2.0", "12 at 4.0"],
        ),
        ("it comes late", cut(grid(*EVEN), 30, EVEN, (4, 7)), ["12 at 4.0", "13 at 6.0"]),
        (
            "it comes late, between two key frames",
            cut(grid(*EVEN), 30, EVEN, (2.5, 7)),
            ["12 at 4.0", "13 at 6.0"],
        ),
        (
            "a hard cut is followed at once",
            cut(grid(0.0, 2.4, 4.8, hard=[2.4, 4.8]), 30, [0.0], (0, 6)),
            ["10 at 0.0", "11 at 2.4?", "12 at 4.8?"],
        ),
        (
            "its key frames lie behind",
            cut(grid(*EVEN), 30, [0, 2.5, 4.5, 6.5], (0, 7)),
            ["10 at 0.0", "11 at 2.5", "12 at 4.5", "13 at 6.5"],
        ),
        (
            "its key frames are rare: the next boundary in any case, then it catches up",
            cut(grid(0.0, 1.0, 2.0, 3.0, 4.0), 30, [0, 3], (0, 5)),
            ["10 at 0.0", "11 at 2.0?", "12 at 2.2?", "13 at 3.0"],
        ),
        (
            "all its key frames lie elsewhere",
            cut(grid(*EVEN), 30, [1, 3, 5, 7], (0.5, 8)),
            ["11 at 3.0", "12 at 5.0", "13 at 7.0"],
        ),
        (
            "it was started anew within a segment",
            cut(grid(*EVEN), 30, EVEN, (0, 3), (3.5, 7)),
            ["10 at 0.0", "11 at 2.0", "12 at 4.0", "13 at 6.0"],
        ),
        (
            "it stood still: segments are missing",
            cut(grid(*EVEN), 30, EVEN, (0, 1), (3, 9)),
            ["10 at 0.0", "12 at 4.0!", "13 at 6.0", "14 at 8.0"],
        ),
        (
            "it stood still and nobody said so",
            cut(grid(*EVEN), 30, EVEN, (0, 0.5)),
            ["10 at 0.0"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_follower(name: str, found: list[str], expected: list[str]) -> None:
    assert found == expected


def test_a_gap_over_segments_begins_anew_at_a_key_frame() -> None:
    follower = Follower(grid(*EVEN), FRAME // 2)
    at = [0, *range(7 * SECOND, 9 * SECOND, FRAME)]
    steps = [follower.judge(t, t, t in (0, 8 * SECOND)) for t in at]
    assert steps[:2] == [Step.BEGIN, Step.LEAVE_OUT]
    assert steps[-30:] == [Step.ANEW] + [Step.GO_ON] * 29
    assert follower.boundary.number == 14


def test_nothing_is_done_before_the_leader_has_decided() -> None:
    where = grid(0.0)
    follower = Follower(where, FRAME // 2)
    assert follower.judge(0, 0, True) is Step.BEGIN
    late = 3 * SECOND
    assert follower.judge(late, late, True) is Step.WAIT
    assert follower.judge(late, late, True, force=True) is Step.GO_ON
    where.passed = late
    assert follower.judge(late, late, True) is Step.GO_ON
    where.add(Boundary(11, late + FRAME, 0.0, False, 0))
    assert follower.judge(late + FRAME, late + FRAME, True) is Step.BEGIN


def test_behind_a_cut_of_its_own_it_waits_for_the_next_number() -> None:
    where = grid(0.0)
    follower = Follower(where, FRAME // 2)
    follower.judge(0, 0, True)
    follower.cut()
    assert follower.judge(FRAME, FRAME, False) is Step.WAIT
    where.add(Boundary(11, 2 * SECOND, 0.0, False, 0))
    assert follower.judge(FRAME, FRAME, False) is Step.BEGIN
    assert follower.boundary.number == 11
    follower.cut()
    assert follower.judge(2 * FRAME, 2 * FRAME, False, force=True) is Step.LEAVE_OUT


def test_who_lags_behind_all_that_is_remembered_begins_anew() -> None:
    where = grid(*(n * 2.0 for n in range(400)))
    follower = Follower(where, FRAME // 2)
    assert follower.judge(0, 0, True) is Step.LEAVE_OUT
    at = 700 * SECOND
    assert follower.judge(at, at, True) is Step.BEGIN
    assert follower.boundary.number == 360


# With packagers


@dataclass
class Rendition:
    """A follower of a chain, with a feed of its own if it is encoded here."""

    chain: Chain
    choice: Choice = field(default_factory=lambda: Choice(0, None))
    fed: bool = True
    track: Track = field(default_factory=lambda: replace(VIDEO, width=640, height=360))

    def __post_init__(self) -> None:
        clock = self.chain.clock
        self.taken = Taken(Window(WindowLimits(), clock))
        self.packager = FollowingPackager(
            self.taken, clock, PackagerSettings(), Numbers(), self.chain.packager._grid, self.choice
        )
        self.feed = LiveStream("feed", clock, is_rendition=True)
        (self.feed if self.fed else self.chain.stream).subscribe(self.packager)
        if self.fed:
            self.publisher = self.feed.attach()
            self.publisher.describe((self.track,))

    def write(self, packet: Packet) -> None:
        self.publisher.write(replace(packet))

    def restart(self) -> None:
        """Its transcoder went, and another one comes."""
        self.publisher.detach()
        self.publisher = self.feed.attach()
        self.publisher.describe((self.track,))


def play(chain: Chain, source: list[Packet], *feeds: tuple[Rendition, float, list[Packet]]) -> None:
    """Packets of the source at their times, those of renditions later by so much."""
    publisher = chain.publish(VIDEO, AUDIO)
    rows = [(packet.dts / 1000, 0, publisher.write, packet) for packet in source]
    for rank, (rendition, delay, packets) in enumerate(feeds, 1):
        rows += [(packet.dts / 1000 + delay, rank, rendition.write, packet) for packet in packets]
    began = chain.clock.now
    for at, _, write, packet in sorted(rows, key=lambda row: row[:2]):
        chain.clock.now = max(chain.clock.now, began + at)
        write(replace(packet))


def sounds(taken: Taken) -> dict[int, bytes]:
    """The octets of the sound of each segment."""
    return {
        segment.number: b"".join(part.data[part.data.rindex(b"mdat") + 4 :] for part in parts)
        for segment, parts in taken.segments
    }


def check_aligned(lead: Taken, other: Taken) -> None:
    """What the RFC asks of renditions."""
    check_history(lead.snapshots)
    check_history(other.snapshots) if other.snapshots else None
    assert other.targets <= lead.targets | {2}
    begins = {segment.number: segment for segment, _ in lead.segments}
    for segment, _ in other.segments:
        assert segment.number in begins
        assert segment.sequence == begins[segment.number].sequence
        assert segment.discontinuity == begins[segment.number].discontinuity
    numbers = [segment.number for segment, _ in other.segments]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("early", [0.3, 0.0, -0.2], ids=["early", "even", "late"])
@pytest.mark.parametrize("delay", [0.05, 0.7, 8.0])
def test_a_rendition_holds_the_same_sound_in_each_segment(delay: float, early: float) -> None:
    chain = Chain()
    rendition = Rendition(chain)
    voice = [replace(p, data=n.to_bytes(20, "big")) for n, p in enumerate(sound(20))]
    pictures = frames(600, size=0)
    publisher = chain.publish(VIDEO, AUDIO)
    rows = [(p.dts / 1000 + early, 1, publisher.write, p) for p in pictures]
    rows += [(p.dts / 1000, 0, publisher.write, p) for p in voice]
    rows += [(p.dts / 1000 + early + delay, 2, rendition.write, p) for p in pictures]
    for at, _, write, packet in sorted(rows, key=lambda row: row[:2]):
        chain.clock.now = max(chain.clock.now, 1000 + at)
        write(replace(packet))
    lead, other = sounds(chain.taken), sounds(rendition.taken)
    check_aligned(chain.taken, rendition.taken)
    whole = sorted(other)[:-1]
    assert whole == list(range(1, 10))
    assert [other[number] for number in whole] == [lead[number] for number in whole]
    walls = {s.number: s.wall for s, _ in chain.taken.segments}
    assert all(s.wall == pytest.approx(walls[s.number]) for s, _ in rendition.taken.segments)


def test_pictures_that_come_too_late_for_their_sound_come_without() -> None:
    chain = Chain()
    rendition = Rendition(chain)
    play(chain, together(frames(900), sound(30)), (rendition, 15.0, frames(900)))
    assert len(rendition.taken.segments) == 15
    check_aligned(chain.taken, rendition.taken)


def test_several_tracks_of_a_publisher() -> None:
    """Their packets come before the leader's as well as after them."""
    chain = Chain()
    first = Rendition(chain, Choice(1, None), fed=False)
    second = Rendition(chain, Choice(2, None), fed=False)
    other = Rendition(chain, Choice(None, 100), fed=False)
    tracks = [replace(VIDEO, id=n, width=640 >> n, height=360 >> n) for n in range(3)]
    publisher = chain.publish(*tracks, AUDIO)
    pictures = frames(400, size=0)
    rows = [replace(p, track=n) for p in pictures for n in (1, 0, 2)]
    chain.send(publisher, together(rows, sound(13)))
    publisher.detach()
    publisher = chain.publish(*tracks, AUDIO)
    chain.send(publisher, together(rows, sound(13)))
    chain.stream.end()
    for rendition in (first, second):
        check_aligned(chain.taken, rendition.taken)
        begins = [(s.number, s.wall) for s, _ in rendition.taken.segments]
        assert begins == [(s.number, pytest.approx(s.wall)) for s, _ in chain.taken.segments]
        assert sounds(rendition.taken) == sounds(chain.taken)
        assert rendition.packager.dropped == 0
    check_aligned(chain.taken, other.taken)
    assert len(other.taken.segments) == len(chain.taken.segments)


def test_another_configuration_of_the_source_is_a_discontinuity_everywhere() -> None:
    chain = Chain()
    rendition = Rendition(chain)
    pictures = frames(600)
    source, voice = [p for p in pictures if p.dts < 8000], sound(8)
    play(chain, together(source, voice), (rendition, 0.4, source))
    rest = [p for p in pictures if p.dts >= 8000]
    publisher = chain.stream._publisher
    publisher.describe((replace(VIDEO, width=1920), replace(AUDIO, channels=1)))
    for packet in together(rest, sound(12, start=8)):
        chain.clock.now += 1 / 80
        publisher.write(replace(packet))
        if packet.track == 0:
            rendition.write(packet)
    check_aligned(chain.taken, rendition.taken)
    assert [s.number for s, _ in rendition.taken.segments if s.discontinuity] == [5]
    assert [[t.channels for t in init.tracks] for init in rendition.taken.inits] == [[0, 2], [0, 1]]


def test_a_restarted_transcoder_and_one_that_lost_segments() -> None:
    chain = Chain()
    quick, slow = Rendition(chain), Rendition(chain)
    pictures = frames(900)
    publisher = chain.publish(VIDEO, AUDIO)
    for packet in together(pictures, sound(30)):
        chain.clock.now = 1000 + packet.dts / 1000
        publisher.write(replace(packet))
        if packet.track:
            continue
        at = packet.dts / 1000
        if at == 9.0:
            quick.restart()
            slow.restart()
        if not 9.0 <= at < 10.0:
            quick.write(packet)
        if not 9.0 <= at < 14.0:
            slow.write(packet)
    check_aligned(chain.taken, quick.taken)
    assert [s.number for s, _ in quick.taken.segments] == list(range(1, 16))
    numbers = [s.number for s, _ in slow.taken.segments]
    assert numbers == [1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]
    last = check_playlist(slow.taken.snapshots[-1])
    assert (last.first, last.segments[0].parts == []) == (8, True)
    for before, after in itertools.pairwise(numbers):
        assert after in (before + 1, 8)


def test_what_waits_for_a_leader_that_stands_still_is_bounded() -> None:
    chain = Chain()
    rendition = Rendition(chain)
    play(chain, together(frames(150), sound(5)), (rendition, 0.0, frames(3000)))
    assert len(rendition.packager._waiting) <= MAX_WAITING
    numbers = [s.number for s, _ in rendition.taken.segments]
    assert numbers == [s.number for s, _ in chain.taken.segments]
    assert rendition.packager.dropped > 2000


@settings(max_examples=40, deadline=None)
@given(
    gops=st.lists(st.integers(5, 150), min_size=3, max_size=10),
    extra=st.sets(st.integers(0, 600), max_size=6),
    missing=st.sets(st.integers(1, 9), max_size=3),
    late=st.integers(0, 200),
    delay=st.floats(0.0, 2.5),
    drops=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 120)), max_size=2),
    restarts=st.sets(st.integers(1, 600), max_size=2),
)
@example(
    # The source's segment was nearly too long, and the key frame at its end is missing.
    gops=[5, 8, 72, 5, 5], extra=set(), missing={3}, late=0, delay=1.0, drops=[], restarts=set()
)  # fmt: skip
def test_whatever_a_rendition_does_what_players_count_holds(
    gops: list[int],
    extra: set[int],
    missing: set[int],
    late: int,
    delay: float,
    drops: list[tuple[int, int]],
    restarts: set[int],
) -> None:
    chain = Chain()
    rendition = Rendition(chain)
    keys, at = [], 0
    for gop in gops:
        keys.append(at)
        at += gop
    pictures = [replace(p, key=n in keys) for n, p in enumerate(frames(min(at, 600)))]
    gone = {keys[n] for n in missing if n < len(keys)}
    theirs = [
        replace(p, key=(p.key and n not in gone) or n in extra)
        for n, p in enumerate(pictures)
        if n >= late and not any(begin <= n < begin + count for begin, count in drops)
    ]
    publisher = chain.publish(VIDEO, AUDIO)
    rows = [(p.dts / 1000, 0, p) for p in together(pictures, sound(len(pictures) / 30))]
    rows += [(p.dts / 1000 + delay, 1, p) for p in theirs]
    for when, which, packet in sorted(rows, key=lambda row: row[:2]):
        chain.clock.now = 1000 + when
        if which and round(packet.dts * 30 / 1000) in restarts:
            rendition.restart()
        rendition.write(packet) if which else publisher.write(replace(packet))
    lead, other = chain.taken, rendition.taken
    begins = {segment.number: segment for segment, _ in lead.segments}
    before: int | None = None
    for segment, parts in other.segments:
        same = begins[segment.number]
        assert (segment.discontinuity, segment.sequence) == (same.discontinuity, same.sequence)
        assert before is None or segment.number > before
        before = segment.number
        assert parts
        if parts[0].independent:
            # A key frame that both have begins the same segment in both.
            twin = next((s for s in begins.values() if abs(s.wall - segment.wall) < 0.01), None)
            assert twin is None or abs(twin.number - segment.number) <= 1
    window = other.window
    listed = [segment.number for segment in window.listed]
    assert listed == list(range(listed[0], listed[0] + len(listed))) if listed else True
    assert other.targets <= lead.targets
    for text in other.snapshots[-3:]:
        check_playlist(text)
    clean = not extra and not gone and not drops and not restarts and not late
    if clean:
        assert [s.number for s, _ in other.segments] == [s.number for s, _ in lead.segments]
