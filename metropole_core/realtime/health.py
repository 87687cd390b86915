"""A stream's health as a message."""

from __future__ import annotations

from metropole_core.realtime.protocol import Health, HealthCode
from metropole_core.streams.health import ChannelHealth


def health_message(health: ChannelHealth) -> Health:
    """The figures of the last second. Words and descriptions the page reads itself, in its own
    language, when `version` has grown."""
    report = health.report
    video = report.video[0] if report.video else None
    interval = video.key_interval if video is not None else None
    return Health(
        channel=health.name,
        level=health.level.value,
        version=health.version,
        bitrate=round(report.bitrate),
        fps=round(video.fps, 1) if video is not None else None,
        frames=video.frames if video is not None else 0,
        dropped=video.dropped if video is not None else 0,
        key_interval=None if interval is None else round(interval, 1),
        late=round(report.late, 1),
        findings=[HealthCode(each.code, each.severity.name.lower()) for each in health.findings],
    )
