"""What faulty encoders send, from the octets to the playlist: it is told by the right one, what
comes out can be decoded, and a neighbour gets the same octets as if it were alone."""

from __future__ import annotations

import io
from itertools import pairwise

import av
import av.logging
import pytest

from metropole_core.streams.health.words import WORDS
from tests.support.bad_streams import (
    BAD_STREAMS,
    LIMIT,
    Bench,
    Case,
    codes,
    good,
    play,
)
from tests.support.playlist_check import check_history

ALONE: list[bytes] = []
"""What a stream without fault is made into when nobody is beside it."""


def octets(bench: Bench) -> bytes:
    return b"".join(init.data for init in bench.kept.inits) + b"".join(
        part.data for part in bench.kept.parts
    )


@pytest.mark.parametrize("case", BAD_STREAMS, ids=[case.name for case in BAD_STREAMS])
def test_it_is_told_and_goes_on(case: Case) -> None:
    if not ALONE:
        ALONE.append(octets(play(good())[0]))
    bad, neighbour = play(case.make(), good())

    assert {notice.code for notice in bad.notices} == codes(case.ingest)
    assert {code.value for code in bad.kept.health} == codes(case.packager)
    assert bad.found == codes(case.meter)
    assert codes(f"{case.ingest} {case.packager} {case.meter}") <= set(WORDS)
    assert all(notice.sentence for notice in bad.notices)
    assert case.refused in bad.refused
    assert bool(case.refused) is bool(bad.refused)
    assert bad.kept.most <= LIMIT
    assert not neighbour.notices
    assert not neighbour.kept.health
    assert not neighbour.found
    assert octets(neighbour) == ALONE[0]

    widths = tuple(
        next((track.width for track in init.tracks if track.kind == "video"), 0)
        for init in bad.kept.inits
    )
    assert widths == case.sizes
    if not case.sizes:
        assert not bad.kept.parts
        return
    check_history(bad.kept.snapshots)
    check_flow(bad, case.steady)
    check_pictures(bad, case.heals, case.held)


def check_flow(bench: Bench, steady: float) -> None:
    """Parts are no longer than was said, and come without a pause."""
    for init, parts in bench.kept.pieces:
        assert max(part.duration for _, part in parts) <= init.part_target + 1e-9
    moments = [moment for _, parts in bench.kept.pieces for moment, _ in parts]
    pauses = [b - a for a, b in pairwise(moments)]
    assert max(pauses) <= steady


def check_pictures(bench: Bench, heals: float, held: float) -> None:
    """From there on all is decoded without a word, times grow, and nothing waits to be shown."""
    for init, parts in bench.kept.pieces:
        begin = next(
            n for n, (moment, part) in enumerate(parts)
            if part.independent and moment - bench.began >= heals
        )  # fmt: skip
        file = init.data + b"".join(part.data for _, part in parts[begin:])
        said, packets, frames = decode(file, held)
        assert not said
        assert frames == {kind: len(times) for kind, times in packets.items()}
        for times in packets.values():
            assert all(a < b for a, b in pairwise(times))


def decode(file: bytes, held: float) -> tuple[list[str], dict[str, list[int]], dict[str, int]]:
    """What FFmpeg says, decode times by kind of track, and how many frames come out."""
    times: dict[str, list[int]] = {}
    frames: dict[str, int] = {}
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as logs, av.open(io.BytesIO(file)) as source:
            for packet in source.demux():
                kind = packet.stream.type
                if packet.size:
                    assert packet.dts is not None
                    assert packet.pts is not None
                    assert abs(packet.pts - packet.dts) * packet.time_base <= held
                    times.setdefault(kind, []).append(packet.dts)
                frames[kind] = frames.get(kind, 0) + len(packet.decode())
    finally:
        av.logging.set_level(level)
    return [f"{name}: {text}" for _, name, text in logs], times, frames
