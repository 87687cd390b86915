"""Fragmented MP4: the initialisation segment and the fragments that follow it (sans-IO)."""

from metropole_media.fmp4.fragment import Run, Sample, fragment
from metropole_media.fmp4.init import TrackEntry, init_segment

__all__ = ["Run", "Sample", "TrackEntry", "fragment", "init_segment"]
