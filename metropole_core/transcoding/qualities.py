"""The qualities of a stream as its creator sees them: what is sent, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from metropole_core.limits.words import Sentence
from metropole_core.transcoding.supervision import Phase

if TYPE_CHECKING:
    from metropole_core.transcoding.follower import Follower


class QualityState(str, Enum):
    """How it is with a quality."""

    COMING = "coming"
    """Planned; nothing has come out yet."""
    LIVE = "live"
    PAUSED = "paused"
    """Its making failed and begins again in a moment."""
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Quality:
    """One quality.

    Fields:
        name: "source", or that of the rendition.
        width, height: pixels, 0 for sound alone.
        frame_rate: frames a second, 0.0 when nobody knows.
        bitrate: of the video in bit/s, 0 for source and sound.
        why: of one that is gone.
    """

    name: str
    width: int
    height: int
    frame_rate: float
    bitrate: int
    state: QualityState
    why: Sentence | None = None


def qualities(follower: Follower) -> tuple[Quality, ...]:
    """Those of a stream, the source first, then the ladder, then what was taken away."""
    stream = follower.stream
    here = QualityState.LIVE if stream.stats.publisher else QualityState.COMING
    found = [
        Quality(
            "source" if number == 0 else f"source {number + 1}",
            track.width, track.height, follower.frame_rate if number == 0 else track.frame_rate,
            0, here,
        )
        for number, track in enumerate(t for t in stream.tracks if t.kind == "video")
    ]  # fmt: skip
    for plan in stream.ladder.plans or ():
        state = here
        if not plan.audio_only:
            state = QualityState.COMING
            if stream.ladder.feed(plan.name).stats.packets:
                resting = follower.moment.phase is Phase.RESTING
                state = QualityState.PAUSED if resting else here
        found.append(
            Quality(plan.name, plan.width, plan.height, plan.frame_rate, plan.bitrate, state)
        )
    found += [
        Quality(
            plan.name,
            plan.width,
            plan.height,
            plan.frame_rate,
            plan.bitrate,
            QualityState.GONE,
            why,
        )
        for plan, why in follower.gone.values()
    ]
    return tuple(found)
