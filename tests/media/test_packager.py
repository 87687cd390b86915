"""Where the packager cuts, and what it does when a source misbehaves."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metropole_media.live import Packet
from metropole_media.packaged import Health
from metropole_media.packager import LEARN_PACKETS, MAX_SAMPLES
from metropole_media.segmenter import PackagerSettings
from tests.support.packaging import AUDIO, START, VIDEO, Chain, Taken, frames, sound, together
from tests.support.playlist_check import check_history, check_with_hls_parser
from tests.support.rtmp_encoder import AVCC

BASE = 900_000


def samples(taken: Taken, number: int) -> list[tuple[int, int, int]]:
    """(dts, duration, pts) of every sample of a track, read from the octets."""
    found = []
    for part in taken.parts:
        data, at = part.data, 0
        while (at := data.find(b"traf", at)) >= 0:
            tfhd, tfdt, trun = (data.index(kind, at) for kind in (b"tfhd", b"tfdt", b"trun"))
            at += 4
            if struct.unpack_from(">I", data, tfhd + 8)[0] != number:
                continue
            (dts,) = struct.unpack_from(">Q", data, tfdt + 8)
            flags, count = struct.unpack_from(">II", data, trun + 4)
            full = bool(flags & 0x800)
            for index in range(count):
                place = trun + 16 + index * (16 if full else 8)
                (duration,) = struct.unpack_from(">I", data, place)
                offset = struct.unpack_from(">i", data, place + 12)[0] if full else 0
                found.append((dts, duration, dts + offset))
                dts += duration
    return found


def no_hole(taken: Taken) -> None:
    video = samples(taken, 1)
    for (dts, duration, _), (following, _, _) in itertools.pairwise(video):
        assert dts + duration == following


def test_the_first_key_frame_begins_and_what_came_before_is_counted() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    early = sound(0.4)
    chain.send(publisher, together([replace(p, key=p.dts >= 500) for p in frames(60)], early))
    chain.stream.end()
    assert chain.packager.dropped == 15 + len(early)
    assert chain.taken.parts[0].independent
    assert samples(chain.taken, 1)[0][2] == BASE + 500 * 90


def test_the_wall_time_of_a_segment_is_that_of_its_key_frame() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(200, gop=60))
    walls = [segment.wall for segment, _ in chain.taken.segments]
    assert walls == pytest.approx([START + 1000 + 2 * n for n in range(4)], abs=0.001)


@pytest.mark.parametrize("jump", [3600.0, -3600.0], ids=["forth", "back"])
def test_a_wall_clock_that_is_set_never_turns_dates_back(jump: float) -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    for number, packet in enumerate(frames(600, gop=60)):
        chain.clock.now = 1000 + packet.dts / 1000
        if number == 300:
            chain.clock.ahead = jump
        publisher.write(packet)
    walls = [segment.wall for segment, _ in chain.taken.segments]
    assert walls == sorted(set(walls)), "each segment is later than the one before"
    assert walls[-1] - walls[0] == pytest.approx(16 + max(0, jump), abs=8.1)
    check_history(chain.taken.snapshots)


def test_a_clock_that_runs_away_is_followed() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    for packet in frames(2000, gop=60):
        # The encoder's second lasts 1.1 of ours.
        chain.clock.now = 1000 + packet.dts * 1.1 / 1000
        publisher.write(packet)
    last, _ = chain.taken.segments[-1]
    assert abs(last.wall - chain.clock.wall()) < 3.5
    check_history(chain.taken.snapshots)


def test_key_frames_that_follow_at_once_begin_no_segment() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(300, gop=1))
    taken = chain.taken
    assert all(0.39 < seconds < 0.5 for seconds in taken.durations()[:-1])
    assert all(part.independent for part in taken.parts)
    check_history(taken.snapshots)


@pytest.mark.parametrize("gop", [13, 17, 31, 47, 55, 61])
def test_a_gop_that_is_no_multiple_of_a_part(gop: int) -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(400, gop=gop), sound(13)))
    chain.stream.end()
    whole = chain.taken.durations()[1:-1]
    assert whole == pytest.approx([gop / 30] * len(whole), abs=0.005)
    assert chain.taken.health == []
    check_history(chain.taken.snapshots)
    no_hole(chain.taken)


@pytest.mark.parametrize(
    ("fps", "frame"), [(30, 1 / 30), (15, 1 / 15), (10, 0.1), (5, 0.2), (2, 0.5)]
)
def test_a_part_is_a_whole_number_of_frames(fps: int, frame: float) -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(fps * 12, fps=fps, gop=fps * 2))
    chain.stream.end()
    target = chain.taken.inits[0].part_target
    count = max(1, round(0.2 / frame))
    assert count * frame < target <= count * frame + 0.0021
    check_history(chain.taken.snapshots)
    assert chain.taken.health == []


def test_one_frame_a_second_is_no_stall() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(20, fps=1, gop=2), sound(20)))
    chain.stream.end()
    assert chain.taken.health == []
    assert chain.taken.durations()[:9] == pytest.approx([2.0] * 9, abs=0.01)
    check_history(chain.taken.snapshots)


def test_the_frame_rate_that_the_source_says_is_believed_when_it_fits() -> None:
    for hint, expected in ((30000 / 1001, 30000 / 1001), (60.0, 30.0), (0.0, 30.0)):
        chain = Chain()
        chain.send(chain.publish(replace(VIDEO, frame_rate=hint)), frames(90))
        assert chain.taken.inits[0].frame_rate == pytest.approx(expected, rel=1e-4)


def test_a_frame_rate_that_changes_keeps_the_part_target() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    chain.send(publisher, frames(240, fps=60, gop=120))
    chain.send(publisher, frames(240, fps=30, gop=60, start=4.0))
    chain.stream.end()
    check_history(chain.taken.snapshots)
    no_hole(chain.taken)


# Time stamps as they come

PACE = st.lists(st.integers(1, 80), min_size=20, max_size=150)


@settings(max_examples=60, deadline=None)
@given(steps=PACE, keys=st.sets(st.integers(1, 150)), gap=st.integers(0, 4000))
def test_whatever_the_time_stamps_there_is_no_hole_and_nothing_is_shown_late(
    steps: list[int], keys: set[int], gap: int
) -> None:
    at, packets = 0, []
    for number, step in enumerate(steps):
        packets.append(Packet(0, at, at, number == 0 or number in keys, b"x"))
        at += step + (gap if number == len(steps) // 2 else 0)
    chain = Chain()
    chain.send(chain.publish(VIDEO), packets)
    chain.stream.end()
    no_hole(chain.taken)
    assert [pts for _, _, pts in samples(chain.taken, 1)] == [BASE + p.pts * 90 for p in packets]
    check_history(chain.taken.snapshots)


def test_one_frame_takes_a_gap() -> None:
    chain = Chain()
    packets = [*frames(63, gop=1000), *frames(60, start=4.1, gop=1000)]
    packets[63].key = False
    chain.send(chain.publish(VIDEO), packets)
    chain.stream.end()
    no_hole(chain.taken)
    assert max(duration for _, duration, _ in samples(chain.taken, 1)) > 1.9 * 90_000
    check_history(chain.taken.snapshots)


def test_frames_without_time_fill_no_part_for_ever() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    chain.send(publisher, frames(60))
    parts = len(chain.taken.parts)
    for _ in range(3 * MAX_SAMPLES):
        publisher.write(Packet(0, 2000, 2000, False, b"x"))
    assert len(chain.taken.parts) >= parts + 3
    no_hole(chain.taken)


# Sound


def test_sound_lies_on_a_grid_until_it_is_too_far_off() -> None:
    chain = Chain()
    pieces = sound(4), sound(4, start=4.03), sound(1, start=12)
    # There is no silence to be had for this codec, so that holes stay.
    strange = replace(AUDIO, codec="mp4a.40.5")
    chain.send(chain.publish(VIDEO, strange), together(frames(400), *pieces))
    chain.stream.end()
    steps = [b[0] - a[0] for a, b in pairwise(samples(chain.taken, 2))]
    # 40 ms off are within bounds; the jump of four seconds is not.
    assert min(steps) == 1024
    assert [step / 48_000 for step in steps if step != 1024] == [pytest.approx(4, abs=0.06)]


def test_a_short_hole_in_the_sound_is_filled_with_silence() -> None:
    chain = Chain()
    pieces = sound(3), sound(4, start=4)
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(240), *pieces))
    chain.stream.end()
    heard = samples(chain.taken, 2)
    assert {b[0] - a[0] for a, b in pairwise(heard)} == {1024}
    assert len(heard) == pytest.approx(8 * 48_000 / 1024, abs=2)
    assert abs(heard[-1][0] - 480_000 - pieces[1][-1].dts * 48) < 48_000 * 0.06


def test_more_sound_than_time_is_left_out() -> None:
    chain = Chain()
    twice = [replace(p) for p in sound(4) for _ in range(2)]
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(120), twice))
    chain.stream.end()
    heard = samples(chain.taken, 2)
    assert heard[-1][0] / 48_000 - 10 == pytest.approx(4, abs=0.15)
    assert chain.packager.dropped == pytest.approx(len(twice) / 2, abs=6)


@pytest.mark.parametrize("late", [-0.6, 0.3, 1.2])
def test_sound_that_is_early_or_late_holds_nothing_up(late: float) -> None:
    chain = Chain()
    shifted = sorted(
        [*frames(300), *sound(10 - max(late, 0))],
        key=lambda p: p.dts / 1000 + (late if p.track else 0),
    )
    publisher = chain.publish(VIDEO, AUDIO)
    for packet in shifted:
        chain.clock.now = 1000 + packet.dts / 1000 + (late if packet.track else 0)
        publisher.write(packet)
    chain.stream.end()
    # More than a second of silence at the beginning is told, though sound comes then.
    assert chain.taken.health == ([Health.AUDIO_STALLED] if late > 1 else [])
    assert chain.taken.durations()[1:-1] == pytest.approx([2.0] * 3, abs=0.01)
    check_history(chain.taken.snapshots)
    heard = samples(chain.taken, 2)
    assert {b[0] - a[0] for a, b in pairwise(heard)} == {1024}
    # What came before the first key frame, or while silence stood for it.
    assert chain.packager.dropped <= abs(late) * 48_000 / 1024 + 1


def test_sound_that_stops_becomes_silence_until_it_returns() -> None:
    chain = Chain()
    pieces = sound(3), sound(4, start=8)
    chain.send(chain.publish(VIDEO, AUDIO), together(frames(360), *pieces))
    chain.stream.end()
    assert chain.taken.health == [Health.AUDIO_STALLED]
    heard = samples(chain.taken, 2)
    assert {b[0] - a[0] for a, b in pairwise(heard)} == {1024}
    assert heard[-1][0] / 48_000 - 10 == pytest.approx(12 - 1024 / 48_000, abs=0.06)
    assert chain.packager.dropped <= 1
    no_hole(chain.taken)


def test_sound_that_never_comes_is_silence() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO, AUDIO), frames(240))
    chain.stream.end()
    heard = samples(chain.taken, 2)
    assert len(heard) == pytest.approx(8 * 48_000 / 1024, abs=1)
    assert heard[0][0] == 480_000
    check_history(chain.taken.snapshots)


def test_sound_that_is_seconds_behind_is_not_waited_for() -> None:
    """It would take the picture with it."""
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    late = [(p.dts + 4000 * (p.track == 100), p) for p in together(frames(400), sound(9))]
    for at, packet in sorted(late, key=lambda each: each[0]):
        chain.clock.now = 1000 + at / 1000
        publisher.write(packet)
    chain.stream.end()
    assert chain.packager.dropped == len(sound(9))
    assert len(samples(chain.taken, 2)) == pytest.approx(400 / 30 * 48_000 / 1024, abs=2)


def test_a_jump_in_time_is_not_filled_with_silence() -> None:
    chain = Chain()
    pieces = frames(120), frames(120, start=3604, gop=60)
    chain.send(chain.publish(VIDEO, AUDIO), [p for packets in pieces for p in packets])
    chain.stream.end()
    assert len(samples(chain.taken, 2)) < 12 * 48_000 / 1024
    assert max(len(part.data) for part in chain.taken.parts) < 100_000
    no_hole(chain.taken)
    check_history(chain.taken.snapshots)


def test_a_track_that_comes_or_changes_takes_effect_with_a_key_frame() -> None:
    """Until then the picture goes on as it was: no frame is lost."""
    mono = replace(AUDIO, config=bytes.fromhex("1188"), channels=1)
    chain = Chain()
    publisher = chain.publish(VIDEO)
    packets = together(frames(300), sound(10))
    for begin, end, tracks in ((0, 2500, ()), (2500, 6500, (AUDIO,)), (6500, 10_000, (mono,))):
        publisher.describe((VIDEO, *tracks))
        chain.send(publisher, [p for p in packets if begin <= p.dts < end])
    chain.stream.end()
    taken = chain.taken
    assert len(samples(taken, 1)) == 300
    assert [s.number for s, _ in taken.segments if s.discontinuity] == [3, 5]
    assert [[t.channels for t in init.tracks] for init in taken.inits] == [[0], [0, 2], [0, 1]]
    no_hole(taken)
    check_history(taken.snapshots)


def test_sound_goes_on_until_the_picture_that_comes_has_a_key_frame() -> None:
    chain = Chain()
    publisher = chain.publish(AUDIO)
    pieces = sound(6)
    chain.send(publisher, [p for p in pieces if p.dts < 2500])
    publisher.describe((VIDEO, AUDIO))
    chain.send(publisher, [p for p in together(pieces, frames(180)) if p.dts >= 2500])
    chain.stream.end()
    assert len(samples(chain.taken, 2)) == len(pieces)
    assert samples(chain.taken, 1)[0][2] == BASE + 4000 * 90
    check_history(chain.taken.snapshots)


def test_a_source_that_sends_no_key_frame_is_told_after_ten_seconds() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    packets = together([replace(p, key=False) for p in frames(330)], sound(11))
    chain.send(publisher, [p for p in packets if p.dts < 9900])
    assert chain.taken.health == []
    chain.send(publisher, [replace(p, dts=p.dts - 9900) for p in packets if p.dts >= 9900])
    assert chain.taken.health == [Health.NO_KEY_FRAME]
    assert chain.taken.parts == []
    # It plays as soon as there is one.
    chain.send(publisher, [replace(p, dts=p.dts, pts=p.pts) for p in frames(90, start=11)])
    assert chain.taken.parts


def test_when_the_picture_stalls_sound_goes_on() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    packets = together(frames(75, gop=60), sound(8), frames(60, start=6.0, gop=60))
    handed: list[float] = []
    chain.taken.on = lambda part: handed.append(chain.clock.now)
    chain.send(publisher, packets)
    chain.stream.end()
    assert chain.taken.health == [Health.VIDEO_STALLED]
    assert max(b - a for a, b in itertools.pairwise(handed)) < 1.5
    check_history(chain.taken.snapshots)
    no_hole(chain.taken)
    assert len(samples(chain.taken, 2)) == len([p for p in packets if p.track])
    assert [pts for _, _, pts in samples(chain.taken, 1)] == [
        BASE + p.pts * 90 for p in packets if not p.track
    ]


def test_a_network_that_stood_still_is_no_stall() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    packets = together(frames(300), sound(10))
    chain.send(publisher, packets[: len(packets) // 2])
    chain.clock.now += 3
    for packet in packets[len(packets) // 2 :]:
        publisher.write(packet)
    assert chain.taken.health == []


def test_sound_waits_for_video_at_most_three_seconds_of_its_own() -> None:
    """Even when it all arrives at once."""
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    chain.send(publisher, together(frames(90), sound(3)))
    now, parts = chain.clock.now, len(chain.taken.parts)
    for packet in sound(60, start=3):
        publisher.write(packet)
    assert chain.clock.now == now
    assert len(chain.taken.parts) > parts + 50 / 0.2


# Long and large


def test_an_overlong_gop_is_cut_at_a_part_and_told() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    chain.send(publisher, together(frames(120, gop=60), sound(4)))
    chain.send(publisher, together(frames(600, gop=601, start=4), sound(20, start=4)))
    chain.stream.end()
    taken = chain.taken
    assert taken.health == [Health.LONG_GOP]
    assert taken.targets == {2}
    assert max(taken.durations()) < 2.5
    assert any(not parts[0].independent for _, parts in taken.segments)
    check_history(taken.snapshots)


def test_a_first_gop_that_is_too_long_gives_a_long_target() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(1000, gop=250))
    assert chain.taken.targets == {10}
    assert chain.taken.durations()[0] == pytest.approx(4.9, abs=0.2)
    assert chain.taken.durations()[2:4] == pytest.approx([250 / 30] * 2, abs=0.01)
    check_history(chain.taken.snapshots)


def test_the_target_duration_is_that_of_the_first_gop() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(600, gop=120))
    assert chain.taken.targets == {4}


def test_a_segment_and_a_part_that_grow_too_large_end_early() -> None:
    chain = Chain(PackagerSettings(max_segment_octets=400_000))
    chain.send(chain.publish(VIDEO), frames(180, size=60_000))
    taken = chain.taken
    assert Health.TOO_LARGE in taken.health
    assert max(len(part.data) for part in taken.parts) < 100_000 + 60_000
    assert max(sum(len(p.data) for p in parts) for _, parts in taken.segments) < 600_000


def test_8k_at_100_mbit_is_not_too_large() -> None:
    """A second of 60 frames: parts of 2.5 MB, and a key frame of 5 MB."""
    chain = Chain()
    packets = frames(250, fps=60, gop=120, size=200_000)
    for packet in packets[::120]:
        packet.data = bytes(5_000_000)
    chain.send(chain.publish(replace(VIDEO, width=7680, height=4320)), packets)
    taken = chain.taken
    assert taken.health == []
    assert taken.durations()[:2] == pytest.approx([2.0, 2.0], abs=0.01)
    assert sorted(len(part.data) // 100_000 for part in taken.parts[:10])[-2:] == [24, 72]
    assert len(chain.taken.inits) == 1


def test_what_waits_for_the_frame_rate_is_bounded() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    publisher.write(frames(1)[0])
    for packet in sound(30):
        publisher.write(packet)
        if chain.taken.inits:
            break
    assert len(chain.taken.parts) > 0
    assert chain.stream.stats.packets <= LEARN_PACKETS + 1


# Publishers that go and come


def test_a_publisher_that_returns_goes_on_where_it_was() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    chain.send(publisher, together(frames(100), sound(3.3)))
    publisher.detach()
    parts = len(chain.taken.parts)
    chain.clock.now += 20
    publisher = chain.publish(VIDEO, AUDIO)
    # Its time stamps begin anew, and not with a key frame.
    again = [replace(p, key=p.dts in (500, 2500)) for p in frames(150)]
    chain.send(publisher, together(again, sound(5)))
    chain.stream.end()
    taken = chain.taken
    assert len(taken.inits) == 1
    assert not any(segment.discontinuity for segment, _ in taken.segments)
    assert taken.parts[parts].independent
    assert taken.segments[2][0].wall - taken.segments[1][0].wall > 20
    no_hole(taken)
    check_history(taken.snapshots)
    assert chain.packager.dropped > 15


def test_another_configuration_is_a_discontinuity_with_a_map() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO, AUDIO)
    chain.send(publisher, together(frames(150), sound(5)))
    publisher.detach()
    other = replace(VIDEO, config=AVCC + b"\0", width=640, height=360)
    publisher = chain.publish(other, replace(AUDIO, sample_rate=44_100))
    chain.send(publisher, together(frames(150), sound(5)))
    chain.stream.end()
    taken = chain.taken
    assert [init.number for init in taken.inits] == [0, 1]
    assert taken.inits[1].tracks[0] == other
    assert taken.inits[0].part_target == taken.inits[1].part_target
    assert [s.number for s, _ in taken.segments if s.discontinuity] == [4]
    no_hole(taken)
    check_history(taken.snapshots)
    assert '#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="v0_i1.mp4"' in taken.snapshots[-1]
    check_with_hls_parser([taken.snapshots[-1]])


def test_sound_that_is_described_later_is_taken_with_the_next_key_frame() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    chain.send(publisher, frames(70))
    publisher.describe((VIDEO, AUDIO))
    chain.send(publisher, together([p for p in frames(200) if p.dts > 2310], sound(7, start=2.3)))
    chain.stream.end()
    taken = chain.taken
    assert [len(init.tracks) for init in taken.inits] == [1, 2]
    assert samples(taken, 2)
    check_history(taken.snapshots)


def test_the_same_description_again_changes_nothing() -> None:
    chain = Chain()
    publisher = chain.publish(VIDEO)
    chain.send(publisher, frames(70))
    publisher.describe((replace(VIDEO, frame_rate=30.0),))
    chain.send(publisher, [p for p in frames(130) if p.dts > 2310])
    chain.stream.end()
    assert len(samples(chain.taken, 1)) == 130
    assert len(chain.taken.inits) == 1


def test_an_end_before_the_first_part_is_an_end() -> None:
    chain = Chain()
    chain.send(chain.publish(VIDEO), frames(3))
    chain.stream.end()
    assert chain.taken.ended
    assert len(samples(chain.taken, 1)) == 3


def test_tracks_that_cannot_be_written_are_left_out() -> None:
    chain = Chain()
    strange = replace(VIDEO, id=1, fourcc="xyz1")
    publisher = chain.publish(strange, VIDEO, AUDIO)
    chain.send(publisher, [replace(p, track=1) for p in frames(10)])
    chain.send(publisher, frames(60))
    chain.stream.end()
    assert [track.id for track in chain.taken.inits[0].tracks] == [0, 100]
    assert len(samples(chain.taken, 1)) == 60
