"""The limits of one channel, its own and those that hold."""

from __future__ import annotations

from dataclasses import dataclass, fields

from metropole_core.config.limits import LimitsConfig


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What an operator set for one channel; None is the site's, 0 is no limit. Fields as those of
    `Limits`."""

    bitrate: int | None = None
    height: int | None = None
    duration: int | None = None
    storage: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one channel. 0 is no limit.

    Fields:
        bitrate: bit/s of a stream, averaged over 10 s.
        height: pixels of the picture's shorter side.
        duration: seconds of one broadcast.
        storage: octets of the channel's files.
    """

    bitrate: int = 0
    height: int = 0
    duration: int = 0
    storage: int = 0


def holding(site: LimitsConfig, own: OwnLimits | None) -> Limits:
    """The channel's own limits, and the site's where it has none."""
    chosen = {}
    for field in fields(Limits):
        value = getattr(own, field.name) if own is not None else None
        chosen[field.name] = value if value is not None else getattr(site, field.name)
    return Limits(**chosen)
