"""What an onMetaData says about the tracks to come. Encoders get it wrong: a hint, no more.

Source: Adobe Flash Video File Format 10.1, annex E.5; Enhanced RTMP v2, section Enhancing
onMetaData (`videoTrackIdInfoMap`, `audioTrackIdInfoMap`: the tracks after the first).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_VIDEO, MAX_AUDIO = 10, 6
"""Tracks of one encoder: as many as OBS can send."""
FIRST_AUDIO = 100
MAX_RATE = 1000


@dataclass(frozen=True, slots=True)
class Hints:
    """Fields:
    promised: numbers of the tracks that will come, None when nothing is said.
    frame_rates: frames a second by video track.
    """

    promised: frozenset[int] | None = None
    frame_rates: Mapping[int, float] = field(default_factory=dict)


def read_hints(values: Mapping[str, object]) -> Hints:
    """Read the properties of an onMetaData."""
    promised: set[int] = set()
    rates: dict[int, float] = {}
    for first, most, codec, others in (
        (0, MAX_VIDEO, "videocodecid", "videoTrackIdInfoMap"),
        (FIRST_AUDIO, MAX_AUDIO, "audiocodecid", "audioTrackIdInfoMap"),
    ):
        if values.get(codec) not in (None, 0.0, ""):
            promised.add(first)
        for number, properties in _tracks(values.get(others), most):
            promised.add(first + number)
            if first == 0:
                _put(rates, number, properties.get("framerate"))
    _put(rates, 0, values.get("framerate"))
    return Hints(frozenset(promised) or None, rates)


def _tracks(found: object, most: int) -> Iterator[tuple[int, Mapping[str, object]]]:
    if not isinstance(found, dict):
        return
    for name, properties in found.items():
        if name.isascii() and name.isdigit() and len(name) < 4 and int(name) < most:
            yield int(name), properties if isinstance(properties, dict) else {}


def _put(rates: dict[int, float], number: int, rate: object) -> None:
    if isinstance(rate, float) and 0 < rate <= MAX_RATE:
        rates[number] = rate
