"""Sound whose packets are not equally long."""

from __future__ import annotations

import io
import itertools

import av
import pytest

from metropole_media.codecs.opus import to_dops
from metropole_media.codecs.silence import silent_packet
from metropole_media.live import Packet, Track
from metropole_media.timeline import AudioLine
from tests.support.packaging import VIDEO, Chain, frames, together

HEAD = b"OpusHead" + bytes.fromhex("0102380180bb0000000000")
OPUS = Track(
    100, "audio", "Opus", "opus", 1000, to_dops(HEAD), sample_rate=48000, channels=2
)  # fmt: skip
SHORT, USUAL, LONG = 28 << 3, 31 << 3, 3 << 3
"""TOC of 2.5, 20 and 60 ms."""
SAMPLES = {SHORT: 120, USUAL: 960, LONG: 2880}


def opus(*kinds: int, start: int = 0) -> list[Packet]:
    """Packets one behind the other, times in milliseconds."""
    packets, at = [], start * 48
    for kind in kinds:
        packets.append(Packet(100, at // 48, at // 48, True, bytes((kind, 1, 2))))
        at += SAMPLES[kind]
    return packets


def played(data: bytes) -> list[tuple[int, int]]:
    """Time and duration of all packets of the sound."""
    with av.open(io.BytesIO(data)) as read:
        return [(p.pts, p.duration) for p in read.demux(read.streams.audio[0]) if p.size]


def test_every_packet_lasts_as_long_as_it_says() -> None:
    kinds = [USUAL] * 20 + [LONG] * 10 + [SHORT] * 200 + [USUAL] * 30
    chain = Chain()
    sound = opus(*kinds)
    chain.send(chain.publish(VIDEO, OPUS), together(frames(60), sound))
    chain.stream.end()
    times = played(chain.taken.file())
    assert [duration for _, duration in times] == [SAMPLES[kind] for kind in kinds]
    assert all(a + d == b for (a, d), (b, _) in itertools.pairwise(times))


@pytest.mark.parametrize(("kind", "per_part"), [(SHORT, 80), (USUAL, 10), (LONG, 3)])
def test_sound_alone_is_cut_by_what_its_packets_last(kind: int, per_part: int) -> None:
    chain = Chain()
    count = 5 * 48_000 // SAMPLES[kind]
    chain.send(chain.publish(OPUS), opus(*[kind] * count))
    chain.stream.end()
    target = per_part * SAMPLES[kind] / 48_000
    assert chain.taken.inits[0].part_target == pytest.approx(target)
    assert {round(part.duration, 4) for part in chain.taken.parts[:-1]} == {round(target, 4)}
    assert len(played(chain.taken.file())) == count


def test_parts_keep_their_length_when_packets_change_theirs() -> None:
    chain = Chain()
    chain.send(chain.publish(OPUS), opus(*[USUAL] * 100, *[SHORT] * 800, *[LONG] * 33))
    chain.stream.end()
    durations = [part.duration for part in chain.taken.parts[:-1]]
    assert max(durations) <= 0.2001
    assert min(durations) >= 0.1799


def test_a_packet_that_cannot_be_read_is_left_out() -> None:
    line = AudioLine(48_000, 0, b"", lambda data: SAMPLES.get(data[0], 0))
    assert not line.add(0, b"\xff")
    assert line.add(0, bytes((LONG,)))
    assert (len(line), line.ticks, line.step) == (1, 2880, 2880)


def test_a_hole_is_filled_with_silence_of_its_own_length() -> None:
    chain = Chain()
    before, after = opus(*[LONG] * 10), opus(*[LONG] * 10, start=1000)
    chain.send(chain.publish(VIDEO, OPUS), together(frames(60), before, after))
    chain.stream.end()
    times = played(chain.taken.file())
    assert [d for _, d in times] == [2880] * 10 + [960] * 20 + [2880] * 10
    assert chain.taken.file().count(silent_packet(OPUS)) == 20
