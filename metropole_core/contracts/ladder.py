"""Ladders: which renditions a stream gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from metropole_core.contracts.transcoder import Capability
from metropole_media.ladder import RenditionPlan
from metropole_media.live import Track


@dataclass(frozen=True, slots=True)
class Preset:
    """A rung that the operator allows.

    Fields:
        name: "720p"; "audio" for sound alone.
        height: pixels of the shorter side, 0 for sound alone.
        frame_rate: at most, frames a second.
        bitrate: of H.264 at that size and 30 frames a second, in bit/s.
    """

    name: str
    height: int
    frame_rate: float
    bitrate: int


@dataclass(frozen=True, slots=True)
class Source:
    """What a stream is made of.

    Fields:
        tracks: as the publisher described them. Several video tracks: the encoder makes
            qualities itself.
        frame_rate: of the first video track, as far as it is known, else 0.0.
    """

    tracks: tuple[Track, ...]
    frame_rate: float


@dataclass(frozen=True, slots=True)
class Room:
    """What may be used for this stream.

    Fields:
        transcoder: name of the back-end that will do it.
        capability: what that can do on this machine.
        encode, decode: pixels a second that no other stream uses now.
    """

    transcoder: str
    capability: Capability
    encode: float
    decode: float


class LadderPolicy(Protocol):
    """Decides about the renditions of a stream. Registered with `register_ladder`; the operator
    chooses one with the setting `transcoding.ladder`.

    Budget 50 ms; one that fails or overruns leaves the stream with its source alone.
    """

    name: str
    title: str

    async def plan(
        self, source: Source, presets: tuple[Preset, ...], room: Room | None
    ) -> tuple[RenditionPlan, ...]:
        """The renditions beside the source, best first; empty for none. Never larger than the
        source.

        Arguments:
            room: None when nothing can encode here; sound alone is possible all the same.
        """
