"""How well a stream is: measured from its packets, judged once a second, told as findings."""

from metropole_media.health.meter import Meter
from metropole_media.health.model import (
    AudioReport,
    Code,
    Finding,
    Report,
    Severity,
    VideoReport,
)

__all__ = ["AudioReport", "Code", "Finding", "Meter", "Report", "Severity", "VideoReport"]
