"""Reads what of an HLS playlist a look at a stream needs (RFC 8216bis). No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
MAX_LINES = 20_000
SEGMENT_TAGS = frozenset(
    [
        "#EXT-X-PART",
        "#EXTINF",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-PROGRAM-DATE-TIME",
        "#EXT-X-MAP",
    ]
)
"""What begins a segment, when none is open."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One quality of a multivariant playlist. `frame_rate` is 0.0 when it is not said; `apart`:
    its sound is in a playlist of its own."""

    uri: str
    bandwidth: int
    codecs: str
    width: int
    height: int
    frame_rate: float
    apart: bool = False

    @property
    def title(self) -> str:
        """ "854x480", or "sound alone"."""
        return f"{self.width}x{self.height}" if self.height else "sound alone"


@dataclass(slots=True)
class PartLine:
    """A part: `at` is the Unix time of its first frame, 0.0 when the playlist tells no time."""

    uri: str
    duration: float
    independent: bool
    at: float


@dataclass(slots=True)
class SegmentLine:
    """A segment. `uri` is empty while it is open; `map` is its initialisation segment."""

    number: int
    map: str
    at: float
    uri: str = ""
    duration: float = 0.0
    discontinuity: bool = False
    parts: list[PartLine] = field(default_factory=list)


@dataclass(slots=True)
class Playlist:
    """A media playlist; `part_target` is 0.0 without low latency, `target` in seconds."""

    segments: list[SegmentLine] = field(default_factory=list)
    part_target: float = 0.0
    ended: bool = False
    target: int = 0

    def next(self) -> tuple[int, int]:
        """Media sequence number and part that come next, for a request that waits."""
        last = self.segments[-1]
        return (last.number + 1, 0) if last.uri else (last.number, len(last.parts))


def attributes(text: str) -> dict[str, str]:
    """NAME=value,NAME="value"."""
    return {name: value.strip('"') for name, value in ATTRIBUTE.findall(text)}


def variants(text: str) -> list[Variant]:
    """The qualities of a multivariant playlist, best first; empty when it is none."""
    found = []
    lines = _lines(text)
    for tag, value in lines:
        if tag != "#EXT-X-STREAM-INF":
            continue
        given = attributes(value)
        width, _, height = given.get("RESOLUTION", "0x0").partition("x")
        uri = next((line for line, _ in lines if not line.startswith("#")), "")
        found.append(
            Variant(
                uri,
                int(given.get("BANDWIDTH", 0)),
                given.get("CODECS", ""),
                int(width),
                int(height or 0),
                float(given.get("FRAME-RATE", 0)),
                "AUDIO" in given,
            )
        )
    return sorted(found, key=lambda each: -each.bandwidth)


def media(text: str) -> Playlist:
    """A media playlist.

    Raises:
        ValueError: it is none.
    """
    if not text.startswith("#EXTM3U"):
        raise ValueError("it is no HLS playlist")
    playlist, number, mapped, at = Playlist(), 0, "", 0.0
    current: SegmentLine | None = None
    for tag, value in _lines(text):
        if tag == "#EXT-X-MEDIA-SEQUENCE":
            number = int(value)
        elif tag == "#EXT-X-TARGETDURATION":
            playlist.target = int(value)
        elif tag == "#EXT-X-PART-INF":
            playlist.part_target = float(attributes(value).get("PART-TARGET", 0))
        elif tag == "#EXT-X-ENDLIST":
            playlist.ended = True
        elif tag == "#EXT-X-MAP":
            mapped = attributes(value).get("URI", "")
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            at = datetime.fromisoformat(value).timestamp()
        if tag.startswith("#") and tag not in SEGMENT_TAGS:
            continue
        if current is None:
            current = SegmentLine(number, mapped, at)
            playlist.segments.append(current)
        current.map, current.at = mapped, current.at or at
        if tag == "#EXT-X-DISCONTINUITY":
            current.discontinuity = True
        elif tag == "#EXT-X-PART":
            given = attributes(value)
            done = sum(part.duration for part in current.parts)
            current.parts.append(
                PartLine(
                    given.get("URI", ""),
                    float(given.get("DURATION", 0)),
                    given.get("INDEPENDENT") == "YES",
                    current.at + done if current.at else 0.0,
                )
            )
        elif tag == "#EXTINF":
            current.duration = float(value.partition(",")[0])
        elif not tag.startswith("#"):
            current.uri, at = tag, (current.at + current.duration if current.at else 0.0)
            current, number = None, number + 1
    return playlist


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(tag, value) or (uri, "")."""
    for line in text.splitlines()[:MAX_LINES]:
        if line.startswith("#"):
            tag, _, value = line.partition(":")
            yield tag, value
        elif line.strip():
            yield line.strip(), ""
