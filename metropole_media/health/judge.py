"""What is wrong, from a report. A finding comes when its sign has been there for some seconds, and
goes when it has not been there for longer: nothing flaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from metropole_media.health.model import (
    AudioReport,
    Code,
    Finding,
    Report,
    Severity,
    VideoReport,
)

KEY_SECONDS = 3.05
NO_KEY_SECONDS = 10.0
MISSING, MISSING_MANY = 0.01, 0.1
FEW_FRAMES = 0.85
PLAUSIBLE_FPS = 240.0
STALL_SECONDS = 2.0
STALL_FRAMES = 3.0
NONE_SECONDS = 5.0
SILENT_SECONDS = 15.0
OFFSET_SECONDS = 1.0
LATE, VERY_LATE = 1.0, 4.0
PAUSES, LONG_PAUSE = 2, 3.0
SLOW_PPM, LONG_PPM = 20_000.0, 1000.0
LONG_SECONDS = 180.0
H264_PLAYED = frozenset({"42", "4d", "58", "64"})
"""profile_idc of Baseline, Main, Extended and High in a codec string; the others have more bits
or more colour than browsers decode."""

FALL = 10.0
RISE = {
    Code.LONG_GOP: 0.0, Code.NO_KEY_FRAME: 0.0, Code.VIDEO_STALLED: 0.0, Code.AUDIO_STALLED: 0.0,
    Code.SILENT: 0.0, Code.UNPLAYABLE_PROFILE: 0.0, Code.FEW_BROWSERS: 0.0,
}  # fmt: skip
"""Seconds until a finding is told: none where its sign has waited already."""
RISE_OTHERS = 3.0


@dataclass(slots=True)
class _Latch:
    finding: Finding
    since: float
    seen: float
    told: bool = False


class Judge:
    """Keeps what was found of one stream."""

    def __init__(self) -> None:
        self._latches: dict[str, _Latch] = {}

    def restart(self) -> None:
        """A publisher came: what was wrong with the one before is over."""
        self._latches.clear()

    def look(self, report: Report, now: float) -> tuple[Finding, ...]:
        """What is to be told now, the worst first."""
        for finding in signs(report):
            latch = self._latches.get(finding.code)
            if latch is None:
                latch = self._latches[finding.code] = _Latch(finding, now, now)
            latch.finding, latch.seen = finding, now
            rise = RISE.get(Code(finding.code), RISE_OTHERS)
            latch.told = latch.told or now - latch.since >= rise
        for code, latch in list(self._latches.items()):
            gone = now - latch.seen
            if gone > FALL or (gone and not latch.told):
                del self._latches[code]
        told = [latch.finding for latch in self._latches.values() if latch.told]
        return tuple(sorted(told, key=lambda each: -each.severity))


def signs(report: Report) -> Iterator[Finding]:
    """Everything that does not look right in this second."""
    if not report.publishing or not (report.video or report.audio):
        return
    video = report.video[0] if report.video else None
    audio = report.audio[0] if report.audio else None
    yield from _tracks(report, video, audio)
    yield from _network(report)
    if video is not None:
        yield from _codec(video)
        yield from _keys(report, video)
        yield from _frames(video)
    if audio is not None and (audio.silent or 0.0) >= SILENT_SECONDS:
        yield _found(Code.SILENT, Severity.WARNING, seconds=audio.silent or 0.0)


def _found(code: Code, severity: Severity, **values: float) -> Finding:
    return Finding(code.value, severity, MappingProxyType(values))


def _tracks(
    report: Report, video: VideoReport | None, audio: AudioReport | None
) -> Iterator[Finding]:
    if video is None or audio is None:
        if report.seconds >= NONE_SECONDS:
            yield _found(Code.NO_VIDEO if video is None else Code.NO_AUDIO, Severity.HINT)
        return
    patience = max(STALL_SECONDS, STALL_FRAMES / video.nominal_fps if video.nominal_fps else 0.0)
    if video.quiet > patience and audio.quiet < 1.0:
        yield _found(Code.VIDEO_STALLED, Severity.BAD, seconds=video.quiet)
    elif audio.quiet > STALL_SECONDS and video.quiet < patience:
        yield _found(Code.AUDIO_STALLED, Severity.WARNING, seconds=audio.quiet)
    elif report.av_offset is not None and abs(report.av_offset) > OFFSET_SECONDS:
        yield _found(Code.AV_OFFSET, Severity.WARNING, seconds=report.av_offset)


def _network(report: Report) -> Iterator[Finding]:
    slow = report.late > LATE
    if slow:
        severity = Severity.BAD if report.late > VERY_LATE else Severity.WARNING
        yield _found(Code.SLOW_UPLOAD, severity, seconds=report.late)
    elif report.pauses >= PAUSES or (report.pauses and report.pause > LONG_PAUSE):
        yield _found(Code.UNEVEN_UPLOAD, Severity.WARNING, seconds=report.pause)
    drift = report.drift_ppm
    if drift is not None and not slow:
        most = LONG_PPM if report.seconds >= LONG_SECONDS else SLOW_PPM
        if abs(drift) > most:
            severity = Severity.WARNING if abs(drift) > SLOW_PPM else Severity.HINT
            yield _found(Code.CLOCK_DRIFT, severity, ppm=drift)


def _codec(video: VideoReport) -> Iterator[Finding]:
    if video.fourcc == "avc1" and video.codec[5:7].lower() not in H264_PLAYED:
        yield _found(Code.UNPLAYABLE_PROFILE, Severity.BAD)
    elif video.fourcc == "hvc1":
        yield _found(Code.FEW_BROWSERS, Severity.HINT)


def _keys(report: Report, video: VideoReport) -> Iterator[Finding]:
    if not video.keys and video.quiet < STALL_SECONDS and report.seconds > NO_KEY_SECONDS:
        yield _found(Code.NO_KEY_FRAME, Severity.BAD)
    elif video.key_interval is not None and video.key_interval > KEY_SECONDS:
        yield _found(Code.LONG_GOP, Severity.WARNING, seconds=video.key_interval)


def _frames(video: VideoReport) -> Iterator[Finding]:
    if video.variable:
        yield _found(Code.VARIABLE_FRAME_RATE, Severity.HINT)
        return
    if video.missing > MISSING:
        severity = Severity.BAD if video.missing > MISSING_MANY else Severity.WARNING
        yield _found(Code.FRAMES_DROPPED, severity, share=video.missing)
        return
    said, measured = video.said_fps, video.nominal_fps
    if 0 < measured < FEW_FRAMES * said and said <= PLAUSIBLE_FPS:
        yield _found(Code.LOW_FRAME_RATE, Severity.HINT, fps=measured, nominal=said)
