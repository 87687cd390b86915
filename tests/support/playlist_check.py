"""A strict reader of low-latency media playlists: every rule that a server must keep.

Source: RFC 8216bis. `check_playlist` looks at one playlist, `check_history` at what followed
what, `apply_delta` at a delta update. All raise AssertionError with a sentence.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"#(EXT[A-Z0-9-]+)(?::(.*))?")
ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)')
KNOWN = {
    "EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF",
    "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-MAP", "EXT-X-DISCONTINUITY",
    "EXT-X-PROGRAM-DATE-TIME", "EXT-X-PART", "EXTINF", "EXT-X-PRELOAD-HINT", "EXT-X-ENDLIST",
    "EXT-X-SKIP", "EXT-X-RENDITION-REPORT",
}  # fmt: skip


@dataclass
class ReadPart:
    uri: str
    duration: float
    independent: bool


@dataclass
class ReadSegment:
    number: int
    uri: str | None = None
    duration: float = 0.0
    parts: list[ReadPart] = field(default_factory=list)
    map: str | None = None
    date: datetime | None = None
    discontinuity: bool = False


@dataclass
class ReadPlaylist:
    target: int
    part_target: float
    hold_back: float
    first: int
    discontinuities: int
    segments: list[ReadSegment]
    hint: str | None
    ended: bool
    skip_until: float = 0.0
    skipped: int = 0
    reports: list[tuple[str, int, int]] = field(default_factory=list)


def attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in ATTRIBUTE.findall(text)}


def read_playlist(text: str) -> ReadPlaylist:
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U", "does not begin with #EXTM3U"
    assert lines[-1] == "", "does not end with a line break"
    head: dict[str, str] = {}
    segments: list[ReadSegment] = []
    current: ReadSegment | None = None
    current_map: str | None = None
    hint, ended, skipped = None, False, 0
    reports: list[tuple[str, int, int]] = []
    for line in lines[1:-1]:
        assert not ended, "something follows EXT-X-ENDLIST"
        if not line.startswith("#"):
            assert current is not None, f"a URI without a segment: {line}"
            assert current.duration > 0, f"no EXTINF before {line}"
            current.uri, current = line, None
            continue
        match = LINE.fullmatch(line)
        assert match, f"not a tag: {line}"
        tag, value = match[1], match[2] or ""
        assert tag in KNOWN, f"unknown tag {tag}"
        if tag == "EXT-X-ENDLIST":
            ended = True
        elif tag == "EXT-X-PRELOAD-HINT":
            assert hint is None, "two hints"
            assert attributes(value)["TYPE"] == "PART", "hint of another type"
            hint = attributes(value)["URI"]
        elif tag == "EXT-X-RENDITION-REPORT":
            report = attributes(value)
            reports.append((report["URI"], int(report["LAST-MSN"]), int(report["LAST-PART"])))
        elif tag == "EXT-X-SKIP":
            assert not segments, "EXT-X-SKIP behind a segment"
            assert not skipped, "EXT-X-SKIP twice"
            skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
            assert skipped > 0, "EXT-X-SKIP of nothing"
            assert int(head["EXT-X-VERSION"]) >= 9, "EXT-X-SKIP needs version 9"
        elif tag.startswith("EXT-X-") and not segments and tag in {
            "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF",
            "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE",
        }:  # fmt: skip
            assert tag not in head, f"{tag} twice"
            head[tag] = value
        else:
            assert hint is None, f"{tag} behind the hint"
            if current is None:
                first = int(head["EXT-X-MEDIA-SEQUENCE"])
                current = ReadSegment(first + skipped + len(segments))
                current.map = current_map
                segments.append(current)
            if tag == "EXT-X-PART":
                found = attributes(value)
                assert found.get("INDEPENDENT", "YES") == "YES", "INDEPENDENT is YES or absent"
                current.parts.append(
                    ReadPart(found["URI"], float(found["DURATION"]), "INDEPENDENT" in found)
                )
            elif tag == "EXTINF":
                duration, comma, _ = value.partition(",")
                assert comma, "EXTINF without a comma"
                current.duration = float(duration)
            else:
                assert not current.parts, f"{tag} behind the segment's first part"
                if tag == "EXT-X-MAP":
                    current.map = current_map = attributes(value)["URI"]
                elif tag == "EXT-X-PROGRAM-DATE-TIME":
                    current.date = datetime.fromisoformat(value)
                else:
                    assert tag == "EXT-X-DISCONTINUITY", f"{tag} inside the list"
                    current.discontinuity = True
    control = attributes(head["EXT-X-SERVER-CONTROL"])
    assert control["CAN-BLOCK-RELOAD"] == "YES", "blocking reload is a must with parts"
    assert int(head["EXT-X-VERSION"]) >= 6, "EXT-X-MAP needs version 6"
    return ReadPlaylist(
        int(head["EXT-X-TARGETDURATION"]),
        float(attributes(head["EXT-X-PART-INF"])["PART-TARGET"]),
        float(control["PART-HOLD-BACK"]),
        int(head["EXT-X-MEDIA-SEQUENCE"]),
        int(head.get("EXT-X-DISCONTINUITY-SEQUENCE", "0")),
        segments,
        hint,
        ended,
        float(control.get("CAN-SKIP-UNTIL", "0")),
        skipped,
        reports,
    )


def apply_delta(before: ReadPlaylist, text: str) -> ReadPlaylist:
    """A delta update put together with a playlist that the client has (section 6.3.7)."""
    delta = read_playlist(text)
    if not delta.skipped:
        return delta
    known = {segment.number: segment for segment in before.segments}
    numbers = range(delta.first, delta.first + delta.skipped)
    unknown = [number for number in numbers if number not in known]
    assert not unknown, f"segments {unknown} were skipped and never seen"
    segments = [known[number] for number in numbers]
    behind = sum(
        segment.duration or sum(part.duration for part in segment.parts)
        for segment in delta.segments
    )
    assert behind >= delta.skip_until - 1e-4, "skipped what lies behind the skip boundary"
    for segment in delta.segments:
        # A map that was skipped holds on.
        segments.append(replace(segment, map=segment.map or segments[-1].map))
    return replace(delta, segments=segments, skipped=0)


def check_playlist(text: str) -> ReadPlaylist:
    """One playlist by itself."""
    playlist = read_playlist(text)
    assert playlist.segments, "no segment"
    assert not playlist.skipped, "a delta update by itself"
    if playlist.skip_until:
        assert playlist.skip_until >= 6 * playlist.target, "CAN-SKIP-UNTIL under six durations"
    assert playlist.hold_back >= 3 * playlist.part_target, "PART-HOLD-BACK under three parts"
    behind = 0.0
    numbers: list[int] = []
    for segment in reversed(playlist.segments):
        last = segment is playlist.segments[-1]
        complete = segment.uri is not None
        assert complete or last, f"segment {segment.number} has no EXTINF"
        assert not (playlist.ended and not complete), "an open segment in a list that has ended"
        assert segment.map, f"segment {segment.number} has no EXT-X-MAP"
        assert segment.date, f"segment {segment.number} has no EXT-X-PROGRAM-DATE-TIME"
        assert round(segment.duration) <= playlist.target, (
            f"EXTINF {segment.duration} over EXT-X-TARGETDURATION {playlist.target}"
        )
        if segment.parts:
            assert behind <= 3 * playlist.target, f"parts of {segment.number} are listed too long"
        elif behind + segment.duration < 3 * playlist.target - playlist.part_target - 1e-6:
            raise AssertionError(f"segment {segment.number} is near the end and has no parts")
        for index, part in enumerate(segment.parts):
            assert 0 < part.duration <= playlist.part_target, f"{part} over PART-TARGET"
            may_be_short = complete and index == len(segment.parts) - 1
            assert may_be_short or part.duration >= 0.85 * playlist.part_target - 1e-5, (
                f"{part} is shorter than 85 % of {playlist.part_target}"
            )
        if complete and segment.parts:
            total = sum(part.duration for part in segment.parts)
            assert abs(total - segment.duration) < 1e-3, "EXTINF differs from its parts"
        behind += segment.duration or sum(part.duration for part in segment.parts)
        numbers[:0] = [_number(part.uri) for part in segment.parts]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "parts are not in order"
    if playlist.ended:
        assert playlist.hint is None, "a hint in a list that has ended"
    else:
        assert playlist.hint, "no hint"
        assert _number(playlist.hint) == numbers[-1] + 1, "the hint does not name the next part"
    dates = [segment.date for segment in playlist.segments if segment.date]
    assert all(a < b for a, b in itertools.pairwise(dates)), "dates go back"
    return playlist


def check_history(texts: Sequence[str]) -> list[ReadPlaylist]:
    """Playlists in the order in which they were served: what was said once stays true."""
    playlists = [check_playlist(text) for text in texts]
    durations: dict[int, float] = {}
    dates: dict[int, datetime | None] = {}
    parts: dict[str, tuple[int, int, float]] = {}
    for before, after in itertools.pairwise(playlists):
        assert after.target == before.target, "EXT-X-TARGETDURATION changed"
        assert after.part_target == before.part_target, "PART-TARGET changed"
        assert after.skip_until == before.skip_until, "CAN-SKIP-UNTIL changed"
        assert after.first >= before.first, "EXT-X-MEDIA-SEQUENCE went back"
        assert after.segments[-1].number >= before.segments[-1].number, "segments went back"
        assert not before.ended, "something follows the end"
        gone = [s for s in before.segments if s.number < after.first]
        counted = before.discontinuities + sum(s.discontinuity for s in gone)
        if after.first <= before.segments[-1].number + 1:
            assert after.discontinuities == counted, "EXT-X-DISCONTINUITY-SEQUENCE is wrong"
        else:
            # Segments that were never seen lie between: the server was started anew.
            assert after.discontinuities >= counted, "EXT-X-DISCONTINUITY-SEQUENCE went back"
            starts = [s for s in after.segments if s.discontinuity]
            assert starts, "nothing says that the time line broke"
        if before.hint and after.hint:
            assert _number(after.hint) >= _number(before.hint), "parts went back"
    for playlist in playlists:
        for segment in playlist.segments:
            assert dates.setdefault(segment.number, segment.date) == segment.date, "date changed"
            if segment.uri is not None:
                kept = durations.setdefault(segment.number, segment.duration)
                assert kept == segment.duration, "EXTINF changed"
            for index, part in enumerate(segment.parts):
                place = (segment.number, index, part.duration)
                assert parts.setdefault(part.uri, place) == place, f"{part.uri} moved"
    return playlists


def check_with_hls_parser(texts: Sequence[str]) -> None:
    """The same by npm hls-parser in strict mode.

    It counts segments instead of seconds for how long parts are listed: give it lists whose
    segments last as long as the target duration.
    """
    script = (
        "const h = require('hls-parser'); h.setOptions({strictMode: true});"
        "let s = ''; process.stdin.on('data', d => s += d).on('end', () => {"
        "for (const t of JSON.parse(s)) h.parse(t)})"
    )
    done = subprocess.run(
        ["node", "-e", script],
        input=json.dumps(list(texts)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert not said, f"hls-parser: {said}"
    assert done.returncode == 0, f"node ended with {done.returncode}"


def _number(uri: str) -> int:
    match = re.search(r"_p(\d+)\.m4s$", uri)
    assert match, f"not a part: {uri}"
    return int(match[1])
