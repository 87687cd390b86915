from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metropole_media.rtmp.timeline import MAX_AHEAD, STANDING, STEP, Timeline


def placed(*stamps: int) -> list[int]:
    timeline = Timeline()
    return [timeline.place(0, stamp) for stamp in stamps]


def test_the_wrap_at_32_bits_is_no_jump() -> None:
    assert placed(0xFFFFFFFA, 4, 14) == [0xFFFFFFFA, 0x100000004, 0x10000000E]


def test_a_jump_becomes_a_step() -> None:
    assert placed(100_000, 0, 33) == [100_000, 100_000 + STEP, 100_000 + STEP + 33]
    assert placed(0, MAX_AHEAD + 1, MAX_AHEAD + 34) == [0, STEP, STEP + 33]


def test_a_gap_that_an_honest_encoder_may_have_stays() -> None:
    assert placed(0, MAX_AHEAD) == [0, MAX_AHEAD]
    # A picture every five seconds: after the first nobody is surprised.
    assert placed(0, 5000, 10_000, 30_000) == [0, STEP, 5000 + STEP, 25_000 + STEP]
    # But a jump is none that makes the next one smaller.
    assert placed(0, 10**9, 2 * 10**9) == [0, STEP, 2 * STEP]


def run(*stamps: tuple[int, int]) -> list[int]:
    timeline = Timeline()
    return [timeline.place(*stamp) for stamp in stamps]


def test_tracks_are_interleaved_but_none_goes_back() -> None:
    stamps = (0, 100), (100, 90), (0, 133), (100, 111), (100, 105), (0, 120)
    assert run(*stamps) == [100, 90, 133, 111, 111, 133]


def test_tracks_that_jump_one_after_the_other_stay_side_by_side() -> None:
    for jump in (-50_000, 50_000, 1 << 31):
        stamps = (0, 60_000), (100, 60_010), (0, 60_033 + jump), (100, 60_031), (100, 60_052 + jump)
        assert run(*stamps)[2:] == [60_000 + STEP, 60_031, 60_000 + STEP + 19]


def test_a_track_that_was_silent_comes_back_at_its_time() -> None:
    stamps = [(0, 0), (100, 0), *((0, at) for at in range(40, 9000, 40)), (100, 9000)]
    assert run(*stamps)[-1] == 9000


def test_sound_and_picture_far_apart_do_not_drive_the_clock() -> None:
    stamps = [(track, at + 1500 * (track == 0)) for at in range(0, 9000, 40) for track in (0, 100)]
    assert run(*stamps) == [at for _, at in stamps]
    # A picture whose time stamps stand still.
    stamps = [(track, at * (track == 100)) for at in range(0, 9000, 40) for track in (0, 100)]
    assert run(*stamps) == [at for _, at in stamps]


def test_tracks_with_unrelated_clocks_are_put_side_by_side() -> None:
    assert run((0, 5000), (100, 900_000), (0, 5040), (100, 900_021)) == [5000, 5000, 5040, 5021]


def test_time_stamps_that_stand_still_are_noticed() -> None:
    timeline = Timeline()
    for _ in range(STANDING):
        timeline.place(0, 7)
        timeline.place(100, 8)
    timeline.place(100, 9)
    assert not timeline.stood
    timeline.place(0, 7)
    assert timeline.stood


@given(st.lists(st.tuples(st.sampled_from((0, 100)), st.integers(0, 0xFFFFFFFF))))
def test_no_track_ever_goes_back_or_jumps(stamps: list[tuple[int, int]]) -> None:
    timeline, last = Timeline(), dict[int, int]()
    for track, stamp in stamps:
        now = timeline.place(track, stamp)
        assert now >= last.get(track, now)
        last[track] = now


def test_jumps_are_counted_and_a_track_that_follows_is_none() -> None:
    timeline = Timeline()
    for stamp in (0, 33):
        timeline.place(0, stamp)
        timeline.place(100, stamp)
    for track in (0, 100, 0):
        timeline.place(track, 90_000)
    assert timeline.jumps == 1


def test_time_stamps_around_zero_stay_side_by_side() -> None:
    """The priming of the sound lies before the first picture, and before zero."""
    timeline, video, audio = Timeline(), 0, 100
    assert timeline.place(video, 0) == 0
    assert timeline.place(audio, (1 << 32) - 43) == -43
    assert timeline.place(audio, (1 << 32) - 22) == -22
    assert timeline.place(video, 33) == 33
    assert timeline.place(audio, 0) == 0
    assert timeline.place(audio, 21) == 21
    assert timeline.jumps == 0
