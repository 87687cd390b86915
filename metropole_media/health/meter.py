"""Measures a stream while it is live.

The meter follows every stream of the site with every packet, so a packet costs it some additions;
everything else is worked out in `look`, once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from metropole_media.health.arrival import Arrival
from metropole_media.health.gauges import AudioGauge, VideoGauge
from metropole_media.health.judge import Judge
from metropole_media.health.model import Report
from metropole_media.live import Packet, Track

QUIET = 2.0
"""Seconds without a packet after which a track's newest time says nothing about the others."""


class Meter:
    """A `Subscriber` of a LiveStream. It holds no more than some numbers for each second of a
    minute.

    Arguments:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._gauges: dict[int, VideoGauge | AudioGauge] = {}
        self._lead = -1
        self._epoch = 0
        self._publishing = False
        self._looked = self._came = clock()
        self._arrival = Arrival()
        self._judge = Judge()
        self.report = Report(0.0, False, 0.0, 0.0)
        """Of the last look."""

    # What a LiveStream calls

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """Measure these."""
        gauges: dict[int, VideoGauge | AudioGauge] = {}
        for track in tracks:
            kind = VideoGauge if track.kind == "video" else AudioGauge
            gauge = self._gauges.get(track.id)
            if gauge is None:
                gauge = kind(track)
                gauge.restart(self._clock())
            gauge.describe(track)
            gauges[track.id] = gauge
        self._gauges = dict(sorted(gauges.items()))
        self._lead = next(iter(self._gauges), -1)
        if epoch != self._epoch:
            self._epoch = epoch
            self._restart()

    def on_packet(self, packet: Packet) -> None:
        """Count it."""
        gauge = self._gauges.get(packet.track)
        if gauge is None:
            return
        now = self._clock()
        gauge.take(packet, now)
        self._arrival.take(now)
        if packet.track == self._lead:
            self._arrival.compare(now - packet.dts * gauge.tick)

    def on_interrupted(self) -> None:
        """Nothing more is expected until a publisher comes."""
        self._publishing = False

    def on_end(self) -> None:
        """As on_interrupted."""
        self._publishing = False

    # Once a second

    def look(self) -> Report:
        """Work out what has come since the last look, and what is wrong with it."""
        now = self._clock()
        seconds = max(now - self._looked, 0.001)
        self._looked = now
        video, audio = [], []
        for gauge in self._gauges.values():
            if isinstance(gauge, VideoGauge):
                video.append(gauge.report(seconds, now))
            else:
                audio.append(gauge.report(seconds, now))
        rates = [gauge.rates for gauge in self._gauges.values()]
        self._arrival.look(now, sum(each.rate for each in rates))
        report = Report(
            now - self._came,
            self._publishing,
            sum(each.bitrate for each in rates),
            sum(each.bitrate_mean for each in rates),
            tuple(video),
            tuple(audio),
            self._arrival.late,
            self._arrival.pause,
            self._arrival.pauses,
            self._offset(now),
            self._arrival.drift_ppm,
        )
        self.report = replace(report, findings=self._judge.look(report, now))
        return self.report

    def _restart(self) -> None:
        now = self._clock()
        self._publishing = True
        self._came = now
        for gauge in self._gauges.values():
            gauge.restart(now)
        self._arrival.restart(now)
        self._judge.restart()

    def _offset(self, now: float) -> float | None:
        """How far the first audio track is behind the first video track."""
        newest = []
        for kind in (VideoGauge, AudioGauge):
            gauge = next((each for each in self._gauges.values() if isinstance(each, kind)), None)
            at = gauge.newest() if gauge is not None and now - gauge.arrived < QUIET else None
            if at is None:
                return None
            newest.append(at)
        return newest[0] - newest[1]
