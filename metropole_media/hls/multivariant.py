"""The multivariant playlist: what there is to choose from, measured.

Source: RFC 8216bis section 4.4.6.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from metropole_media.hls.names import RENDITION
from metropole_media.hls.playlist import VERSION
from metropole_media.hls.window import Window


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bits a second, of the segments that are kept: of the one with most, and of all."""

    peak: int
    average: int


def measure(window: Window) -> Bandwidth:
    """The bandwidth of the complete segments, of which there must be one.

    A segment shorter than half the target duration does not count as a peak (4.4.6.2: a peak is
    measured over 0.5 to 1.5 target durations), unless there are no others.
    """
    complete = [segment for segment in window.listed if segment.complete]
    seconds = sum(segment.seconds for segment in complete)
    average = sum(segment.octets for segment in complete) * 8 / seconds
    peaks = [
        segment.octets * 8 / segment.seconds
        for segment in complete
        if segment.seconds >= window.target_duration / 2
    ]
    return Bandwidth(round(max([average, *peaks])), round(average))


def multivariant_playlist(window: Window) -> str:
    """The playlist of the one rendition there is."""
    init = window.listed[-1].init
    bandwidth = measure(window)
    attributes = [
        f"BANDWIDTH={bandwidth.peak}",
        f"AVERAGE-BANDWIDTH={bandwidth.average}",
        f'CODECS="{",".join(track.codec for track in init.tracks)}"',
    ]
    for track in init.tracks:
        if track.kind == "video":
            attributes.append(f"RESOLUTION={track.width}x{track.height}")
            if init.frame_rate:
                attributes.append(f"FRAME-RATE={init.frame_rate:.3f}")
    return (
        "#EXTM3U\n"
        f"#EXT-X-VERSION:{VERSION}\n"
        f"#EXT-X-STREAM-INF:{','.join(attributes)}\n"
        f"{RENDITION}.m3u8\n"
    )
