"""What happens in a session, for whoever owns the socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from metropole_media.live import Packet, Track


@dataclass(frozen=True, slots=True)
class PublishRequested:
    """The encoder asks to publish. Nothing is read until `accept` or `refuse`.

    Fields:
        app: application of the URL, without query.
        key: the stream key, empty when none was given. Not in the representation.
    """

    app: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TracksKnown:
    """What the source holds; again whenever a configuration changes."""

    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something is wrong with what the encoder sends, though it can go on; told once.

    Fields:
        sentence: for the person at the encoder.
        code: stable word for programs.
    """

    sentence: str
    code: str = "encoder"


@dataclass(frozen=True, slots=True)
class PublishEnded:
    """The encoder says that it stops. Whatever follows is ignored."""


Event: TypeAlias = PublishRequested | TracksKnown | Packet | Notice | PublishEnded
