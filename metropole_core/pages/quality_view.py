"""The qualities of a channel's stream as the creator's page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metropole_core.limits import Amount
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.i18n import language
from metropole_core.pages.limit_view import said
from metropole_core.transcoding.qualities import Quality, QualityState

if TYPE_CHECKING:
    from metropole_core.site import Site

DOTS = {
    QualityState.LIVE: "good",
    QualityState.COMING: "busy",
    QualityState.PAUSED: "busy",
    QualityState.GONE: "idle",
}


@dataclass(frozen=True, slots=True)
class QualityView:
    """Fields:
    name: "720p", or what the source is called.
    facts: "1280 x 720 · 30 fps · 2.5 Mbit/s"; empty for sound.
    state: "live"
    dot: class of the dot that stands for it.
    why: of one that was taken away; else empty.
    """

    name: str
    facts: str
    state: str
    dot: str
    why: str


@dataclass(frozen=True, slots=True)
class QualitiesView:
    """Fields:
    rows: the source first; empty while nothing is on air.
    note: why there are no further ones; else empty.
    """

    rows: tuple[QualityView, ...]
    note: str


def qualities_view(site: Site, channel_id: int) -> QualitiesView:
    """Those of a channel."""
    why = site.transcoding.why_no_more(channel_id)
    return QualitiesView(
        tuple(_row(each) for each in site.transcoding.qualities(channel_id)),
        said(why) if why is not None else "",
    )


def picture(width: int, height: int, frame_rate: float = 0.0, bitrate: int = 0) -> str:
    """ "1280 x 720 · 30 fps · 2.5 Mbit/s", as far as it is known."""
    parts = [f"{width} \u00d7 {height}"]
    if frame_rate:
        parts.append(f"{round(frame_rate)} fps")
    if bitrate:
        parts.append(Amount(bitrate, "bit/s").text(language()))
    return " · ".join(parts)


def _row(quality: Quality) -> QualityView:
    states = {
        QualityState.COMING: _("Coming"),
        QualityState.LIVE: _("Live"),
        QualityState.PAUSED: _("Begins again in a moment"),
        QualityState.GONE: _("Taken away"),
    }
    sizes = (quality.width, quality.height, quality.frame_rate, quality.bitrate)
    return QualityView(
        quality_name(quality.name),
        picture(*sizes) if quality.height else "",
        states[quality.state],
        DOTS[quality.state],
        said(quality.why) if quality.why is not None else "",
    )


def quality_name(name: str) -> str:
    """What people call it."""
    if name == "source":
        return _("Source")
    if name == "audio":
        return _("Sound alone")
    return name.replace("source", _("Source"), 1)
