"""The sound that is kept for renditions beside the source, and how much of it."""

from __future__ import annotations

from metropole_media.alignment import KEPT, SOUNDS, Boundary, Grid
from metropole_media.live import Track
from metropole_media.soundtrack import KEPT_SECONDS, MAX_OCTETS, Soundtrack
from metropole_media.timeline import Sound

TRACK = Track(100, "audio", "mp4a", "mp4a.40.2", 1000, b"\x11\x90", sample_rate=48_000, channels=2)
EVER = 1 << 60


def kept(soundtrack: Soundtrack) -> list[Sound]:
    return soundtrack.read(0, EVER, 1 << 20)[0]


def test_seconds_are_kept_and_no_more() -> None:
    soundtrack = Soundtrack(TRACK)
    for number in range(2000):
        soundtrack.add(Sound(number * 1024, 1024, b"sound"))
    found = kept(soundtrack)
    assert found[-1].place == 1999 * 1024
    assert found[-1].place - found[0].place <= KEPT_SECONDS * 48_000
    assert len(found) > KEPT_SECONDS * 40
    # Whoever reads on, does so where it stood, as far as that is still there.
    assert soundtrack.read(1990, EVER, 5) == (found[-10:-5], 1995)


def test_large_packets_are_kept_for_less() -> None:
    """An encoder may call anything sound, and let its time go by as slowly as it likes."""
    soundtrack = Soundtrack(TRACK)
    large = bytes(MAX_OCTETS // 4)
    for number in range(100):
        soundtrack.add(Sound(number * 1024, 1024, large))
    assert [sound.place // 1024 for sound in kept(soundtrack)] == [96, 97, 98, 99]
    soundtrack.add(Sound(100 * 1024, 1024, bytes(MAX_OCTETS + 1)))
    assert kept(soundtrack) == []
    soundtrack.add(Sound(101 * 1024, 1024, b"sound"))
    assert [sound.place // 1024 for sound in kept(soundtrack)] == [101]


def test_sounds_of_former_configurations_are_let_go() -> None:
    grid = Grid()
    tracks = [Soundtrack(TRACK) for _ in range(KEPT // 2)]
    for number, soundtrack in enumerate(tracks):
        soundtrack.add(Sound(number * 1024, 1024, b"sound"))
        for twice in range(2):
            at = 2 * number + twice
            grid.add(Boundary(at, at * 90_000, float(at), False, 0, False, soundtrack, 0))
    assert [bool(kept(each)) for each in tracks[-SOUNDS - 1 :]] == [False] + [True] * SOUNDS
    assert not any(kept(each) for each in tracks[:-SOUNDS])
