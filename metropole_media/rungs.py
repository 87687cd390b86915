"""The arithmetic of a rung: from a source and a wish to size, frame rate, bitrate and codec
string. Which rungs there are, a ladder policy decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, sqrt

from metropole_media.codecs import levels
from metropole_media.ladder import RenditionPlan

ROUNDING = 1.02
"""30.3 frames a second count as 30."""
USUAL_FRAME_RATE = 30.0
"""What is taken for a source whose frame rate nobody knows."""
HALVED_ABOVE = 30.5
"""Frames a second of a rung that does not fit and is tried with half of them."""
EVERYWHERE = "avc1"
"""The codec that every browser plays."""
HARDLY_SMALLER = 0.9
"""A rung of more than this part of the source's size helps nobody."""
EFFICIENCY = {"avc1": 1.0, "vp09": 0.7, "hvc1": 0.65, "av01": 0.55}
"""Bits for the same picture, beside H.264, as live encoders make it."""


def largest(width: int, height: int, fourcc: str) -> float:
    """The shorter side that a rung may have at most. A source in a codec that not everyone plays
    may get a rung of its own size."""
    return min(width, height) * (HARDLY_SMALLER if fourcc == EVERYWHERE else 1.0)


def sound_alone(name: str) -> RenditionPlan:
    """The rung without a picture."""
    return RenditionPlan(name, 0, 0, 0.0, 0, "")


def size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Pixels of the source's picture made so small that its shorter side is `short_side`: the
    same aspect ratio, even numbers. Never larger than the source."""
    short_side = min(short_side, width, height)
    scale = short_side / min(width, height)
    return _even(width * scale), _even(height * scale)


def frame_rate(source: float, most: float) -> float:
    """Frames a second of a rung: a whole fraction of the source's, so that frames are dropped
    evenly, and not above `most`.

    Arguments:
        source: of the source, 0.0 when unknown.
    """
    source = source or min(USUAL_FRAME_RATE, most)
    return source / max(1, ceil(source / (most * ROUNDING)))


def bitrate(at_30: int, width: int, height: int, rate: float, fourcc: str = "avc1") -> int:
    """bit/s for a picture: twice the frames need about 1.4 times the bits, a wider picture needs
    more by its pixels.

    Arguments:
        at_30: of H.264, 16:9 with the same shorter side, at 30 frames a second.
        rate: frames a second.
        fourcc: sample entry of the codec.
    """
    short = min(width, height)
    shape = width * height / (short * short * 16 / 9)
    wanted = at_30 * EFFICIENCY.get(fourcc, 1.0) * sqrt(rate / 30) * min(max(shape, 0.5), 2.0)
    return max(50_000, round(wanted / 10_000) * 10_000)


def codec(fourcc: str, width: int, height: int, rate: float, bits: int) -> str:
    """RFC 6381 string of "avc1" (High profile) or "hvc1" (Main) at the lowest level that holds it.

    Raises:
        ValueError: another codec, or no level holds it.
    """
    if fourcc == "avc1":
        return levels.avc_codec(levels.avc_level(width, height, rate, bits))
    if fourcc == "hvc1":
        return levels.hevc_codec(levels.hevc_level(width, height, rate, bits))
    raise ValueError(f"no codec string is known for {fourcc}")


def plan(
    name: str,
    source: tuple[int, int, float],
    wish: tuple[int, float, int],
    fourcc: str = "avc1",
) -> RenditionPlan:
    """A rung.

    Arguments:
        source: width, height, frames a second (0.0: unknown).
        wish: pixels of the shorter side, frames a second at most, bit/s of H.264 at 30 frames a
            second.

    Raises:
        ValueError: no level of that codec holds it.
    """
    across, down, source_rate = source
    short_side, most, at_30 = wish
    width, height = size(across, down, short_side)
    rate = frame_rate(source_rate, most)
    bits = bitrate(at_30, width, height, rate, fourcc)
    return RenditionPlan(name, width, height, rate, bits, codec(fourcc, width, height, rate, bits))


def pixels_per_second(plan: RenditionPlan) -> float:
    """What encoding it takes."""
    return plan.width * plan.height * plan.frame_rate


def halved(plan: RenditionPlan) -> RenditionPlan:
    """With half of its frames.

    Raises:
        ValueError: a codec that this module cannot name.
    """
    rate, bits = plan.frame_rate / 2, round(plan.bitrate / 2**0.5 / 10_000) * 10_000
    text = codec(plan.codec[:4], plan.width, plan.height, rate, bits)
    return replace(plan, frame_rate=rate, bitrate=bits, codec=text)


def fitting(
    wanted: list[RenditionPlan], fits: Callable[[list[RenditionPlan]], bool]
) -> tuple[RenditionPlan, ...]:
    """As many rungs as fit: the largest goes first, if half its frames do not do either.

    Arguments:
        wanted: largest first.
    """
    while wanted and not fits(wanted):
        top, *rest = wanted
        if top.frame_rate > HALVED_ABOVE:
            less = halved(top)
            if fits([less, *rest]):
                return (less, *rest)
        wanted = rest
    return tuple(wanted)


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)
