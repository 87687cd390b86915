"""The test picture: its clock survives compression, and a recording of it is what was asked for."""

from __future__ import annotations

import time
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metropole_cli.testcard import BLOCK, BLOCKS, Picture, clock_blocks, publish, read_clock


@given(st.integers(0, 1 << 45))
def test_the_clock_is_read_as_it_was_written(milliseconds: int) -> None:
    row = clock_blocks(milliseconds)
    assert len(row) == BLOCKS
    assert read_clock(lambda x, _: row[x // BLOCK]) == milliseconds % (1 << 24)


@given(st.integers(0, 1 << 45), st.integers(0, BLOCKS - 1))
def test_one_wrong_block_is_noticed(milliseconds: int, wrong: int) -> None:
    row = bytearray(clock_blocks(milliseconds))
    row[wrong] = 255 - row[wrong]
    assert read_clock(lambda x, _: row[x // BLOCK]) is None


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_recording(tmp_path: Path, b_frames: int) -> None:
    target = tmp_path / "card.flv"
    picture = Picture(width=512, height=288, fps=25, bitrate=200_000, b_frames=b_frames)
    before = int(time.time() * 1000)
    assert publish(str(target), picture, seconds=3, real_time=False) == 75
    with av.open(str(target)) as recording:
        assert recording.streams.audio[0].rate == 48000
        clocks, keys = [], []
        for frame in recording.decode(video=0):
            assert isinstance(frame, av.VideoFrame)
            plane = frame.planes[0]
            memory = memoryview(plane)
            width = plane.line_size
            clocks.append(read_clock(lambda x, y, m=memory, w=width: m[y * w + x]))
            keys.append(frame.key_frame)
    assert [at for at, key in enumerate(keys) if key] == [0, 25, 50]
    assert None not in clocks
    ages = [((clock or 0) - before) % (1 << 24) for clock in clocks]
    assert ages == sorted(ages)
    assert ages[-1] <= int(time.time() * 1000) - before


def test_without_sound(tmp_path: Path) -> None:
    target = tmp_path / "card.flv"
    publish(str(target), Picture(width=512, height=64, audio=False), seconds=0.2, real_time=False)
    with av.open(str(target)) as recording:
        assert [stream.type for stream in recording.streams] == ["video"]


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 241), (513, 288), (640, 8)])
def test_the_clock_needs_room(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="512 wide"):
        Picture(width=width, height=height)


def test_a_city_with_a_moon_that_moves(tmp_path: Path) -> None:
    target = tmp_path / "city.flv"
    picture = Picture(width=642, height=360, fps=5, scene="northlight", audio=False)
    assert publish(str(target), picture, seconds=4, real_time=False) == 20
    with av.open(str(target)) as recording:
        frames = [bytes(frame.planes[0]) for frame in recording.decode(video=0)]
    assert len(frames) == 20
    changed = sum(a != b for a, b in zip(frames[0], frames[-1], strict=True))
    assert changed > 500
