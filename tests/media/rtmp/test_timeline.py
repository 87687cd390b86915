from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metropole_media.rtmp.timeline import MAX_AHEAD, STEP, Timeline


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


def test_tracks_are_interleaved_but_none_goes_back() -> None:
    timeline = Timeline()
    stamps = [(0, 100), (100, 90), (0, 133), (100, 111), (100, 105), (0, 120)]
    assert [timeline.place(*stamp) for stamp in stamps] == [100, 90, 133, 111, 111, 133]


@given(st.lists(st.tuples(st.sampled_from((0, 100)), st.integers(0, 0xFFFFFFFF))))
def test_no_track_ever_goes_back_or_jumps(stamps: list[tuple[int, int]]) -> None:
    timeline, last = Timeline(), dict[int, int]()
    for track, stamp in stamps:
        now = timeline.place(track, stamp)
        assert now >= last.get(track, now)
        last[track] = now
