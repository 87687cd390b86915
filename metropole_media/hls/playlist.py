"""The media playlist.

Source: RFC 8216bis sections 4.4.3 to 4.4.5, 6.2.2 (what a server may change), 6.2.5.1 (delta
updates) and appendix B (low-latency profile).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from metropole_media.hls.names import Names
from metropole_media.hls.window import Segment, Window
from metropole_media.packaged import Part

VERSION = 9
HOLD_BACK_PARTS = 3.2
"""PART-HOLD-BACK in part targets, at least; two are a must, three a should (section 4.4.3.8)."""
PARTS_IN_TARGETS = 3
"""Parts are listed within so many target durations of the end (section 4.4.4.9)."""
SKIP_TARGETS = 6
"""The skip boundary in target durations: at least so many (section 4.4.3.8)."""


@dataclass(frozen=True, slots=True)
class RenditionReport:
    """Where another rendition of the stream is, for players that change over to it
    (section 4.4.5.4).

    Fields:
        uri: of its media playlist, relative to this one.
        segment: media sequence number of its newest segment, complete or not.
        part: index of the newest part in it.
    """

    uri: str
    segment: int
    part: int

    @classmethod
    def of(cls, uri: str, window: Window) -> RenditionReport | None:
        """Of a rendition's window; None when there is nothing in it."""
        if not window.listed:
            return None
        newest = window.listed[-1]
        return cls(uri, newest.number, len(newest.parts) - 1)


def skippable(window: Window) -> int:
    """How many of the oldest segments a delta update may leave out: those that lie wholly before
    the skip boundary. 0 where the window is too short for that, or nothing follows."""
    left = skip_boundary(window)
    if not left or window.ended:
        return 0
    count = len(window.listed)
    for segment in reversed(window.listed):
        if left <= 0:
            return count
        left -= segment.seconds
        count -= 1
    return 0


def skip_boundary(window: Window) -> float:
    """CAN-SKIP-UNTIL in seconds, 0.0 when there are no delta updates: a window that is hardly
    longer has nothing to leave out."""
    boundary = SKIP_TARGETS * window.target_duration
    return float(boundary) if window.holds(boundary + window.target_duration) else 0.0


def media_playlist(window: Window, reports: Sequence[RenditionReport] = (), skip: int = 0) -> str:
    """The playlist of what is listed. The window holds at least one complete segment.

    The lines of complete segments are written once; each new part costs a joining of strings.

    Arguments:
        reports: of the other renditions.
        skip: leave out so many of the oldest segments, at most `skippable`.
    """
    target = window.part_target
    boundary = skip_boundary(window)
    lines = [
        "#EXTM3U\n",
        f"#EXT-X-VERSION:{VERSION}\n",
        f"#EXT-X-TARGETDURATION:{window.target_duration}\n",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,",
        f"PART-HOLD-BACK={max(window.hold_back, target * HOLD_BACK_PARTS):.5f}",
        f",CAN-SKIP-UNTIL={boundary:.1f}\n" if boundary else "\n",
        f"#EXT-X-PART-INF:PART-TARGET={target:.5f}\n",
        f"#EXT-X-MEDIA-SEQUENCE:{window.listed[0].number}\n",
    ]
    if window.discontinuities:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuities}\n")
    with_parts = _first_with_parts(window)
    init = -1
    segments: Iterable[Segment] = window.listed
    if skip:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skip}\n")
        init = window.listed[skip - 1].init.number
        segments = islice(segments, skip, None)
    for segment in segments:
        if segment.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY\n")
        if segment.init.number != init:
            init = segment.init.number
            lines.append(f'#EXT-X-MAP:URI="{window.names.init(init)}"\n')
        lines.append(_segment(segment, window.names, segment.number >= with_parts))
    if window.ended:
        lines.append("#EXT-X-ENDLIST\n")
    else:
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{window.names.part(window.next_part)}"\n')
        lines += [
            f'#EXT-X-RENDITION-REPORT:URI="{report.uri}",'
            f"LAST-MSN={report.segment},LAST-PART={report.part}\n"
            for report in reports
        ]
    return "".join(lines)


def _first_with_parts(window: Window) -> int:
    """Number of the first segment that lies wholly near the end."""
    # The part that is hinted counts, so that the next playlist need not take lines away.
    left = PARTS_IN_TARGETS * window.target_duration - window.part_target
    number = window.listed[-1].number
    for segment in reversed(window.listed):
        left -= segment.seconds
        if left <= 0 and segment.complete:
            break
        number = segment.number
    return number


def _segment(segment: Segment, names: Names, with_parts: bool) -> str:
    text = segment.text.get(with_parts)
    if text is None:
        when = datetime.fromtimestamp(segment.wall, UTC).isoformat(timespec="milliseconds")
        text = f"#EXT-X-PROGRAM-DATE-TIME:{when.replace('+00:00', 'Z')}\n"
        if with_parts or not segment.complete:
            text += "".join([_part(part, names) for part in segment.parts])
        if segment.complete:
            text += f"#EXTINF:{segment.seconds:.5f},\n{names.segment(segment.number)}\n"
            segment.text[with_parts] = text
    return text


def _part(part: Part, names: Names) -> str:
    independent = ",INDEPENDENT=YES" if part.independent else ""
    name = names.part(part.number)
    return f'#EXT-X-PART:DURATION={part.duration:.5f},URI="{name}"{independent}\n'
