"""The other qualities of a stream, beside the one that is followed: are they there, and do they fit
so that a player can change over?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metropole_cli.stream.playlist import Playlist, Variant
from metropole_core.contracts.checks import Finding, Level

SOUND_SECONDS = 0.05
"""A packet of sound at most: what has no picture cannot begin anywhere."""
ROUNDING = 0.002
"""Dates are written in milliseconds."""
DEFECT = "Players stall where they change over. This is a defect of Metropole: report it."


@dataclass(frozen=True, slots=True)
class Other:
    """Another quality.

    Fields:
        title: "854x480", or "sound alone".
        missing: why its playlist is not there; "" when it is.
        target: its target duration, and that of the followed one, in seconds.
        shared: segments that both list.
        apart: seconds by which the begin of one of them differs at most.
        allowed: seconds that are right.
        dependent: segments that do not begin with a key frame.
    """

    title: str
    missing: str = ""
    target: tuple[int, int] = (0, 0)
    shared: int = 0
    apart: float = 0.0
    allowed: float = SOUND_SECONDS
    dependent: int = 0


def look_at(
    source: Playlist, variants: Sequence[Variant], get: Callable[[str], Playlist]
) -> tuple[Other, ...]:
    """Compare the playlists of other qualities with that of the followed one.

    Arguments:
        source: its playlist.
        variants: the others.
        get: fetches a playlist; raises OSError or ValueError with a sentence.
    """
    found = []
    for variant in variants:
        try:
            found.append(_compare(source, variant, get(variant.uri)))
        except (OSError, ValueError) as error:
            found.append(Other(variant.title, missing=str(error)))
    return tuple(found)


def _compare(source: Playlist, variant: Variant, other: Playlist) -> Other:
    begins = {segment.number: segment.at for segment in source.segments}
    shared = [segment for segment in other.segments if segment.number in begins]
    apart = [abs(segment.at - begins[segment.number]) for segment in shared]
    frame = 1 / (variant.frame_rate or 30)
    return Other(
        variant.title,
        "",
        (other.target, source.target),
        len(shared),
        max(apart, default=0.0),
        (frame if variant.height else SOUND_SECONDS) + ROUNDING,
        sum(bool(each.parts) and not each.parts[0].independent for each in other.segments),
    )


def judge_other(other: Other) -> Finding:
    """What is to be said of it."""
    subject = f"Quality {other.title}"
    if other.missing:
        advice = "A transcoder may have no room for it, or has only begun: look at the log."
        sentence = f"its playlist is not there ({other.missing})"
        return Finding(Level.WARNING, subject, sentence, advice, "stream_quality_missing")
    if other.target[0] != other.target[1]:
        sentence = "its target duration is {} s, that of the best quality {} s".format(
            *other.target
        )
        return Finding(Level.WARNING, subject, sentence, DEFECT, "stream_quality_apart")
    if not other.shared or other.apart > other.allowed:
        sentence = (
            f"its segments begin up to {other.apart:.3f} s beside those of the best quality"
            if other.shared
            else "it has no segment that the best quality has"
        )
        advice = (
            "If the encoder makes the qualities, give all of them the same keyframe interval. "
            f"Otherwise: {DEFECT}"
        )
        return Finding(Level.WARNING, subject, sentence, advice, "stream_quality_apart")
    if other.dependent:
        sentence = f"{other.dependent} of its segments do not begin with a key frame"
        advice = "Set the keyframe interval of the encoder to 2 s."
        return Finding(Level.WARNING, subject, sentence, advice, "stream_quality_keyframes")
    sentence = f"in step with the best one ({other.shared} segments compared)"
    return Finding(Level.OK, subject, sentence, code="stream_quality")
