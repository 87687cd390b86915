"""The meter: what it measures, what it finds, and that findings neither flap nor stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metropole_media.health import Code, Severity
from metropole_media.health.gauges import VideoGauge
from metropole_media.live import Packet, Track
from tests.support.metered import (
    AUDIO,
    SILENCE,
    VIDEO,
    Metered,
    Sent,
    Source,
    changed,
    codes,
    of,
    sounding,
)


def test_a_stream_without_fault_is_measured_and_nothing_is_found() -> None:
    metered = Metered()
    report = metered.play(Source().packets(20.0))
    (video,), (audio,) = report.video, report.audio
    assert video.fps == pytest.approx(30, abs=0.5)
    assert video.nominal_fps == video.said_fps == 30
    assert video.bitrate_mean == pytest.approx(30 * 10_000 * 8, rel=0.02)
    assert audio.bitrate_mean == pytest.approx(48_000 / 1024 * 312 * 8, rel=0.05)
    assert report.bitrate_mean == pytest.approx(video.bitrate_mean + audio.bitrate_mean)
    assert video.key_interval == pytest.approx(2.0, abs=0.05)
    assert (video.frames, video.dropped, video.reordered, video.variable) == (600, 0, False, False)
    assert (video.width, video.height, audio.sample_rate) == (1280, 720, 48_000)
    assert report.late < 0.05
    assert report.av_offset == pytest.approx(0, abs=0.1)
    assert metered.told == set()
    assert report.worst is Severity.HINT


@pytest.mark.parametrize("fps", [1, 15, 24, 25, 30000 / 1001, 30, 50, 60000 / 1001, 60, 120, 144])
def test_frame_rates_are_known_from_the_distances_alone(fps: float) -> None:
    metered = Metered(video=replace(VIDEO, frame_rate=0.0))
    report = metered.play(Source(fps=fps, gop=round(2 * fps)).packets(15.0))
    assert report.video[0].nominal_fps == pytest.approx(fps, rel=0.03)
    assert report.video[0].fps == pytest.approx(fps, rel=0.1)
    assert report.video[0].dropped == 0
    assert metered.told == set()


def dropped(share: int) -> Callable[[Sent], Sent | None]:
    return of(0, lambda sent: None if not sent.key and round(sent.time * 30) % share == 1 else sent)


def uneven(sent: Sent) -> Sent:
    return replace(sent, time=sent.time + (0.011 if round(sent.time * 30) % 3 else 0.0))


def later(track: int, seconds: float) -> Callable[[Sent], Sent | None]:
    return of(track, lambda sent: replace(sent, time=sent.time - seconds))


def bursts(sent: Sent) -> Sent:
    """All that was sent within two seconds arrives at their end."""
    return replace(sent, at=sent.at // 2 * 2 + 2)


Change = Callable[[Sent], Sent | None]
SIGNS: list[tuple[Code, Source, Change, Severity, dict[str, float]]] = [
    (Code.LONG_GOP, Source(gop=240), lambda s: s, Severity.WARNING, {"seconds": 8.0}),
    (Code.NO_KEY_FRAME, Source(), of(0, lambda s: replace(s, key=False)), Severity.BAD, {}),
    (Code.FRAMES_DROPPED, Source(), dropped(20), Severity.WARNING, {"share": 0.05}),
    (Code.FRAMES_DROPPED, Source(), dropped(3), Severity.BAD, {"share": 0.33}),
    (Code.LOW_FRAME_RATE, Source(fps=20), lambda s: s, Severity.HINT, {"fps": 20, "nominal": 30}),
    (Code.VARIABLE_FRAME_RATE, Source(), of(0, uneven), Severity.HINT, {}),
    (Code.SILENT, Source(), sounding(SILENCE), Severity.WARNING, {"seconds": 28.0}),
    (Code.AV_OFFSET, Source(), later(100, 2.0), Severity.WARNING, {"seconds": 2.0}),
    (Code.AV_OFFSET, Source(), later(0, 2.0), Severity.WARNING, {"seconds": -2.0}),
    (Code.UNEVEN_UPLOAD, Source(), bursts, Severity.WARNING, {"seconds": 2.0}),
    (
        Code.SLOW_UPLOAD,
        Source(),
        lambda s: replace(s, at=s.at * 1.1),
        Severity.WARNING,
        {"seconds": 2.7},
    ),
    (Code.SLOW_UPLOAD, Source(), lambda s: replace(s, at=s.at * 1.5), Severity.BAD, {}),
    (Code.NO_AUDIO, Source(audio=False), lambda s: s, Severity.HINT, {}),
    (Code.NO_VIDEO, Source(video=False), lambda s: s, Severity.HINT, {}),
]


@pytest.mark.parametrize(("code", "source", "change", "severity", "values"), SIGNS)
def test_each_fault_is_found_with_its_figures_and_no_other(
    code: Code, source: Source, change: Change, severity: Severity, values: dict[str, float]
) -> None:
    metered = Metered(VIDEO if source.video else None, AUDIO if source.audio else None)
    report = metered.play(changed(source.packets(30.0), change))
    assert codes(report) == metered.told == {code.value}
    (finding,) = report.findings
    assert finding.severity is severity
    assert set(values) <= set(finding.values)
    for name, value in values.items():
        assert finding.values[name] == pytest.approx(value, rel=0.15)


@pytest.mark.parametrize(("track", "code"), [(0, Code.VIDEO_STALLED), (100, Code.AUDIO_STALLED)])
def test_a_track_that_stops_is_told_and_forgotten_when_it_is_back(track: int, code: Code) -> None:
    def stops(sent: Sent) -> Sent | None:
        return None if 5 <= sent.time < 12 else sent

    metered = Metered()
    after = metered.play(changed(Source().packets(30.0), of(track, stops)))
    found = [codes(report) for report in metered.reports]
    assert found[5:7] == [set(), {code.value}]
    assert metered.told == {code.value}
    assert codes(after) == set()


@pytest.mark.parametrize(
    ("fourcc", "codec", "code"),
    [
        ("avc1", "avc1.6e0028", Code.UNPLAYABLE_PROFILE),
        ("avc1", "avc1.7A0028", Code.UNPLAYABLE_PROFILE),
        ("avc1", "avc1.f40028", Code.UNPLAYABLE_PROFILE),
        ("hvc1", "hvc1.1.6.L120.B0", Code.FEW_BROWSERS),
        ("avc1", "avc1.42c01f", None),
        ("avc1", "avc1.4d401f", None),
        ("av01", "av01.0.08M.08", None),
    ],
)
def test_what_browsers_do_not_play_is_told_at_once(
    fourcc: str, codec: str, code: Code | None
) -> None:
    track = replace(VIDEO, fourcc=fourcc, codec=codec)
    metered = Metered(video=track)
    assert codes(metered.play(Source().packets(1.0))) == ({code.value} if code else set())


def test_a_clock_that_is_wrong_is_told_after_a_minute() -> None:
    fast = lambda sent: replace(sent, time=sent.time * 1.05)  # noqa: E731
    metered = Metered()
    report = metered.play(changed(Source(fps=10, gop=20).packets(90.0), fast))
    assert codes(report) - {Code.LOW_FRAME_RATE} == {Code.CLOCK_DRIFT.value}
    assert report.drift_ppm == pytest.approx(50_000, rel=0.05)


def test_a_hiccup_is_no_finding_and_a_finding_does_not_flap() -> None:
    """Frames are missing for one second in five: told once, until ten seconds are clean."""
    hole = of(0, lambda s: None if s.time % 5 < 0.2 and not s.key and s.time < 40 else s)
    metered = Metered()
    changes, before = 0, False
    for second in range(70):
        packets = changed(Source().packets(1.0, start=second), hole)
        now = Code.FRAMES_DROPPED.value in codes(metered.play(packets))
        changes, before = changes + (now is not before), now
    assert changes == 2
    assert before is False


def test_a_publisher_that_returns_begins_without_the_faults_of_the_one_before() -> None:
    metered = Metered()
    assert codes(metered.play(Source(gop=300).packets(20.0))) == {Code.LONG_GOP.value}
    metered.leave()
    assert metered.look().publishing is False
    metered.clock.advance(30.0)
    metered.come()
    report = metered.play(Source().packets(10.0))
    assert codes(report) == set()
    assert report.seconds == pytest.approx(10, abs=2)
    assert report.video[0].frames == 900
    assert report.late < 0.1


def test_a_source_that_stood_still_is_not_taken_for_a_slow_upload() -> None:
    """RTMP's time line closes a hole of five seconds: from then on all comes five seconds later."""
    stood = lambda sent: replace(sent, at=sent.at + 5) if sent.time >= 10 else sent  # noqa: E731
    metered = Metered()
    report = metered.play(changed(Source().packets(30.0), stood))
    assert Code.SLOW_UPLOAD.value not in metered.told
    assert report.late < 0.1


def test_frames_that_are_reordered_are_noticed() -> None:
    shown = of(0, lambda sent: replace(sent, shown=0.066))
    assert Metered().play(changed(Source().packets(3.0), shown)).video[0].reordered


def test_a_new_size_is_reported_and_what_was_counted_stays() -> None:
    metered = Metered()
    metered.play(Source().packets(3.0))
    large = replace(VIDEO, width=1920, height=1080)
    metered.handle.describe((large, AUDIO))
    report = metered.play(Source().packets(3.0, start=3.0))
    assert (report.video[0].width, report.video[0].frames) == (1920, 180)


def test_memory_is_bounded_by_a_second() -> None:
    """However many frames come between two looks."""
    metered = Metered()
    for number in range(5000):
        metered.handle.write(Packet(0, number, number, True, b"x"))
    gauge = metered.meter._gauges[0]
    assert isinstance(gauge, VideoGauge)
    assert len(gauge._steps) <= 1024
    assert metered.look().video[0].frames == 5000


def test_a_meter_without_a_stream_has_nothing_to_say() -> None:
    metered = Metered(video=None, audio=None)
    metered.clock.advance(20.0)
    assert metered.look().findings == ()


def test_tracks_of_other_codecs_are_not_listened_to() -> None:
    surround = Track(100, "audio", "mp4a", "mp4a.40.2", 1000, b"", sample_rate=48_000, channels=6)
    metered = Metered(audio=surround)
    report = metered.play(changed(Source().packets(20.0), sounding(SILENCE)))
    assert report.audio[0].silent is None
    assert metered.told == set()
