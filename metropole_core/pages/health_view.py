"""A stream's health as the creator's page shows it, in the page's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from babel.numbers import format_decimal

from metropole_core.limits import Amount
from metropole_core.pages.i18n import gettext as _
from metropole_core.pages.i18n import language
from metropole_core.pages.limit_view import said
from metropole_core.pages.words import number
from metropole_core.streams.health import ChannelHealth, Level
from metropole_media.health import AudioReport, Severity, VideoReport

UNKNOWN = "\u2013"
CODECS = {
    "avc1": "H.264", "hvc1": "HEVC", "av01": "AV1", "vp09": "VP9", "mp4a": "AAC", "Opus": "Opus",
}  # fmt: skip
WIDTH, HEIGHT, SECONDS = 240, 44, 60
"""The curve's coordinates; `frontend/src/dashboard/curve.ts` draws the same."""

ABOUT = {
    "video": {"video_stalled", "no_video", "no_video_config", "unplayable_profile", "few_browsers",
              "frames_unreadable", "settings_change"},
    "fps": {"low_frame_rate", "variable_frame_rate"},
    "key": {"long_gop", "no_key_frame"},
    "missing": {"frames_dropped"},
    "audio": {"audio_stalled", "no_audio", "no_audio_config", "silent", "av_offset"},
    "network": {"slow_upload", "uneven_upload", "clock_drift", "timestamps_stand",
                "timestamps_jump"},
}  # fmt: skip
"""Findings that mark a row."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A number that scripts renew, with its unit. `field`: its name in the socket's message; empty
    for text that stays."""

    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Fields:
    tone: "good", "warn" or "bad".
    """

    name: str
    tone: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """Fields:
    tone: "hint", "warn" or "bad".
    """

    code: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """Fields:
    light: the traffic light in words.
    curve, area: paths of the last minute's bitrate, and of what lies below it.
    bitrates: its numbers, for the script that goes on with it.
    """

    level: str
    light: str
    version: int
    bitrate: str
    bitrates: str
    curve: str
    area: str
    rows: tuple[Row, ...]
    advice: tuple[Advice, ...]


TONES = {Severity.HINT: "good", Severity.WARNING: "warn", Severity.BAD: "bad"}


def health_view(health: ChannelHealth | None) -> HealthView | None:
    """None while no encoder is connected."""
    if health is None or health.level is Level.NONE:
        return None
    report = health.report
    light = {
        Level.GOOD: _("All is well"),
        Level.WARNING: _("Viewers notice something"),
        Level.BAD: _("Viewers cannot watch well"),
    }[health.level]
    rows = []
    if report.video:
        rows += _video_rows(health, report.video[0], len(report.video))
    if report.audio:
        rows.append(_row(health, _("Audio"), "audio", Piece(_audio(report.audio[0]))))
    rows.append(_row(health, _("Arrives late by"), "network",
                     Piece(_short(report.late), "late"), Piece(" s")))  # fmt: skip
    return HealthView(
        health.level.value,
        light,
        health.version,
        Amount(health.bitrates[-1] if health.bitrates else 0, "bit/s").text(language()),
        " ".join(map(str, health.bitrates)),
        line := curve(health.bitrates),
        area(line),
        tuple(rows),
        tuple(
            Advice(
                each.code,
                "hint" if each.severity is Severity.HINT else TONES[each.severity],
                said(each.words),
            )
            for each in health.findings
        ),
    )


def _video_rows(health: ChannelHealth, video: VideoReport, tracks: int) -> list[Row]:
    facts = [CODECS.get(video.fourcc, video.fourcc)]
    if video.width:
        facts.insert(0, f"{video.width} x {video.height}")
    if video.bit_depth > 8:
        facts.append(f"{video.bit_depth} bit")
    if tracks > 1:
        facts.append(_("%(count)s qualities") % {"count": tracks})
    interval = UNKNOWN if video.key_interval is None else _short(video.key_interval)
    return [
        _row(health, _("Video"), "video", Piece(" · ".join(facts))),
        _row(health, _("Frames a second"), "fps", Piece(_short(video.fps), "fps")),
        _row(health, _("Key frames every"), "key", Piece(interval, "key_interval"), Piece(" s")),
        _row(
            health, _("Missing frames"), "missing", Piece(number(video.dropped), "dropped"),
            Piece(" / "), Piece(number(video.frames), "frames"),
        ),
    ]  # fmt: skip


def _audio(audio: AudioReport) -> str:
    facts = [CODECS.get(audio.fourcc, audio.fourcc), f"{_short(audio.sample_rate / 1000)} kHz"]
    named = {1: _("mono"), 2: _("stereo")}
    facts.append(named.get(audio.channels) or _("%(count)s channels") % {"count": audio.channels})
    return " · ".join(facts)


def _row(health: ChannelHealth, name: str, about: str, *pieces: Piece) -> Row:
    marks = [each.severity for each in health.findings if each.code in ABOUT[about]]
    return Row(name, TONES[max(marks, default=Severity.HINT)], pieces)


def _short(value: float) -> str:
    return str(format_decimal(round(value, 1), locale=language()))


def curve(values: Sequence[int]) -> str:
    """SVG path of at most a minute, newest at the right; a straight line says nothing changed."""
    if len(values) < 2:
        return ""
    top = max(values) * 1.15 or 1
    step = WIDTH / (SECONDS - 1)
    start = WIDTH - (len(values) - 1) * step
    points = (
        f"{start + index * step:.1f} {HEIGHT - value / top * HEIGHT:.1f}"
        for index, value in enumerate(values)
    )
    return "M" + "L".join(points)


def area(line: str) -> str:
    """SVG path of what lies below a curve, down to the edge."""
    return f"{line}V{HEIGHT}H{line[1:].partition(' ')[0]}Z" if line else ""


def health_json(name: str, health: ChannelHealth | None) -> bytes:
    """For programs: codes, figures, and sentences in the asker's language."""
    answer: dict[str, Any] = {"channel": name, "level": "none", "findings": []}
    if health is not None:
        report = health.report
        answer |= {
            "level": health.level.value,
            "seconds": round(report.seconds, 1),
            "bitrate": round(report.bitrate),
            "bitrate_mean": round(report.bitrate_mean),
            "late": round(report.late, 2),
            "pause": round(report.pause, 2),
            "av_offset": report.av_offset,
            "drift_ppm": report.drift_ppm,
            "video": report.video,
            "audio": report.audio,
            "findings": [
                {
                    "code": each.code,
                    "severity": each.severity.name.lower(),
                    "sentence": said(each.words),
                }
                for each in health.findings
            ],
        }
    return msgspec.json.encode(answer)
