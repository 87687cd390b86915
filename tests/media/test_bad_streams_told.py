"""What faulty encoders send, from the octets to the playlist: it is told by the right one, what
comes out can be decoded, and a neighbour gets the same octets as if it were alone."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
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
from tests.support.rtmp_script import Script

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
    sent = case.make()
    bad, neighbour = play(sent, good())

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
    check_frames(bad, case, sent)


def check_flow(bench: Bench, steady: float) -> None:
    """Parts are no longer than was said, and come without a pause."""
    for init, parts in bench.kept.pieces:
        assert max(part.duration for _, part in parts) <= init.part_target + 1e-9
    moments = [moment for _, parts in bench.kept.pieces for moment, _ in parts]
    pauses = [b - a for a, b in pairwise(moments)]
    assert max(pauses) <= steady


def check_frames(bench: Bench, case: Case, sent: Script) -> None:
    """What was sent comes out, all but what is said. From where it heals on all is decoded without
    a word, times grow, and nothing waits to be shown."""
    out = {kind: Counter[bytes]() for kind in ("video", "audio")}
    for init, parts in bench.kept.pieces:
        whole = read(init.data + b"".join(part.data for _, part in parts))
        for kind, packets in whole.packets.items():
            out[kind].update(data for _, data in packets)
        healthy = whole
        if case.heals:
            begin = next(
                n for n, (moment, part) in enumerate(parts)
                if part.independent and moment - bench.began >= case.heals
            )  # fmt: skip
            healthy = read(init.data + b"".join(part.data for _, part in parts[begin:]))
        assert not healthy.said
        assert healthy.held <= case.held
        for kind, packets in healthy.packets.items():
            assert healthy.frames[kind] == len(packets)
            assert all(a < b for (a, _), (b, _) in pairwise(packets))
    lost, added = zip(*(differ(sent, kind, out[kind]) for kind in out), strict=True)
    assert lost[0] <= case.lost[0]
    assert lost[1] <= case.lost[1]
    assert added[0] == 0
    assert added[1] * 1024 / 48_000 == pytest.approx(case.silence, abs=0.1)


def differ(sent: Script, kind: str, out: Counter[bytes]) -> tuple[int, int]:
    """How many frames of a kind were lost, and how many came out that nobody sent."""
    right = Counter(bytes(o.packet.data) for o in sent if o.packet and getattr(o, kind))
    return (right - out).total(), (out - right).total()


@dataclass
class Reading:
    """What FFmpeg makes of a file.

    Fields:
        said: what it complains of.
        packets: decode time and octets, by kind of track.
        frames: how many come out, likewise.
        held: seconds between a frame's decoding and its showing, at most.
    """

    said: list[str] = field(default_factory=list)
    packets: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    held: float = 0.0


def read(file: bytes) -> Reading:
    """Demultiplex and decode all of it."""
    found = Reading()
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as logs, av.open(io.BytesIO(file)) as source:
            for packet in source.demux():
                kind = packet.stream.type
                if packet.size:
                    assert packet.dts is not None
                    assert packet.pts is not None
                    found.packets.setdefault(kind, []).append((packet.dts, bytes(packet)))
                    held = abs(packet.pts - packet.dts) * packet.time_base
                    found.held = max(found.held, float(held))
                found.frames[kind] = found.frames.get(kind, 0) + len(packet.decode())
    finally:
        av.logging.set_level(level)
    found.said = [f"{name}: {text}" for _, name, text in logs]
    return found
