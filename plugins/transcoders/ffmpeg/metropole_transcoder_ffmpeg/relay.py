"""From the messages of a job to ffmpeg processes, one after the other. Runs in the worker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from metropole_media.codecs.errors import CodecError
from metropole_media.codecs.table import VIDEO_CODECS
from metropole_media.fmp4 import Run, Sample, TrackEntry, fragment, init_segment
from metropole_media.fmp4.reader import Movie, ReadSample
from metropole_media.live import Track
from metropole_media.transcode.encoders import JobSpec
from metropole_media.transcode.pace import TIMESCALE, RateMeter
from metropole_media.transcode.serve import Fail, Send
from metropole_media.transcode.wire import (
    Described,
    Flush,
    Flushed,
    Gone,
    Media,
    Message,
    Source,
    Stop,
)
from metropole_transcoder_ffmpeg.arguments import Input, command, declared_rate, step
from metropole_transcoder_ffmpeg.backends import BACKENDS
from metropole_transcoder_ffmpeg.child import Child

SHIFT = 60 * TIMESCALE
"""Added to times on the way in, since those in a file cannot be negative."""
MAX_HELD = 8
"""Packets that wait until the source's frame rate is known."""
USUAL_RATE = 30.0
RATE_CHANGE = 1.25
PQ, HLG = 16, 18


@dataclass(frozen=True, slots=True)
class How:
    """The facts of a job: the settings of these names."""

    program: str
    backend: str
    device: str
    extra: Sequence[str] = ()

    def facts(self) -> tuple[tuple[str, str], ...]:
        """For `JobSpec.facts`."""
        named = (("program", self.program), ("backend", self.backend), ("device", self.device))
        return (*named, *(("extra", word) for word in self.extra))

    @staticmethod
    def of(spec: JobSpec) -> How:
        """Out of them."""
        named = dict(spec.facts)
        extra = tuple(value for name, value in spec.facts if name == "extra")
        return How(named["program"], named["backend"], named["device"], extra)


class Relay:
    """Feeds ffmpeg, and tells the job what comes out.

    A process makes one source in one configuration for one set of renditions. When any of that
    changes, it is let to its end and the next one begins with that key frame: nothing is lost.
    """

    def __init__(self, spec: JobSpec, send: Send, fail: Fail) -> None:
        self.frames = 0
        self.damaged = 0
        self._spec, self._send, self._fail = spec, send, fail
        self._how = How.of(spec)
        self._wanted = set(range(len(spec.rungs)))
        self._source: Source | None = None
        self._input = Input("", USUAL_RATE)
        self._said = 0.0
        self._meter = RateMeter(0.0)
        self._held: list[Media] = []
        self._child: Child | None = None
        self._makes: set[int] = set()
        self._sequence = 0
        self._coming: Source | None = None
        self._described: dict[int, Described] = {}
        self._past_seconds = 0.0

    def usage(self) -> tuple[float, int]:
        """Processor seconds that this process and ffmpeg used, octets of RAM that ffmpeg holds."""
        child = self._child
        seconds, octets = child.usage() if child is not None else (0.0, 0)
        return time.process_time() + self._past_seconds + seconds, octets

    def take(self, message: Message) -> None:
        """Do what a message says."""
        match message:
            case Media():
                self._media(message)
            case Source():
                self._coming = message
            case Flush():
                if self._held and self._source is not None:
                    self._begin(self._source)
                self._end_child()
                self._described.clear()
                self._coming, self._source = self._coming or self._source, None
                self._send(Flushed())
            case Stop(rung):
                self._wanted.discard(rung)

    def _media(self, media: Media) -> None:
        if media.key and self._coming is not None:
            self._change(self._coming)
        source = self._source
        if source is None:
            return
        self.frames += 1
        self._meter.take(media.dts * TIMESCALE // source.timescale, media.key)
        if media.key and self._child is not None and self._is_other():
            self._end_child()
        if self._child is None:
            self._held.append(media)
            if self._meter.rate or len(self._held) >= MAX_HELD:
                self._begin(source)
            return
        self._write(source, media)

    def _change(self, source: Source) -> None:
        """From this key frame on the source is another one."""
        self._held.clear()
        self._end_child()
        if source.transfer in (PQ, HLG):
            self._fail("The source is in high dynamic range, which this plugin does not convert.")
        try:
            self._said = VIDEO_CODECS[source.fourcc].parse(source.config).frame_rate
        except (KeyError, CodecError) as error:
            self._fail(f"The source cannot be read: {error}")
        self._coming, self._source = None, source
        self._meter = RateMeter(source.frame_rate)
        for number in tuple(self._wanted):
            rung = self._spec.rungs[number]
            if rung.width > source.width or rung.height > source.height:
                self._wanted.discard(number)
                self._send(
                    Gone(
                        number,
                        f"The source is {source.width}x{source.height} now: {rung.name} would be"
                        f" larger ({rung.width}x{rung.height}).",
                    )
                )

    def _is_other(self) -> bool:
        """Whether a process would be started in another way now."""
        if self._makes != self._wanted:
            return True
        now = Input(self._input.fourcc, self._meter.rate or self._input.rate, self._said)
        change = now.rate / self._input.rate
        return not 1 / RATE_CHANGE < change < RATE_CHANGE or any(
            step(now, self._spec.rungs[n]) != step(self._input, self._spec.rungs[n])
            for n in self._makes
        )

    def _begin(self, source: Source) -> None:
        if not self._wanted:
            self._held.clear()
            return
        self._input = Input(source.fourcc, self._meter.rate or USUAL_RATE, self._said)
        self._makes = set(self._wanted)
        spec, how = self._spec, self._how
        self._child = Child(
            sorted(self._makes),
            lambda inside: command(
                how.program,
                BACKENDS[how.backend],
                how.device,
                self._input,
                {inside[number]: spec.rungs[number] for number in sorted(self._makes)},
                how.extra,
            ),
            self._hear,
            self._fail,
        )
        track = Track(
            0,
            "video",
            source.fourcc,
            source.fourcc,
            TIMESCALE,
            source.config,
            width=source.width,
            height=source.height,
        )
        self._child.write(init_segment([TrackEntry(1, TIMESCALE, track)]))
        held, self._held = self._held, []
        for media in held:
            self._write(source, media)

    def _write(self, source: Source, media: Media) -> None:
        dts = media.dts * TIMESCALE // source.timescale + SHIFT
        pts = media.pts * TIMESCALE // source.timescale + SHIFT
        if dts < 0 or self._child is None:
            return
        self._sequence += 1
        duration = round(TIMESCALE / declared_rate(self._input))
        sample = Sample(media.data, duration, media.key, pts - dts)
        self._child.write(fragment(self._sequence, [Run(1, dts, [sample])]))

    def _end_child(self) -> None:
        child = self._child
        if child is None:
            return
        self._past_seconds += child.usage()[0]
        self._child = None
        child.finish()

    def _hear(self, number: int, event: Movie | ReadSample) -> None:
        """What comes out of ffmpeg, on the thread of that rendition."""
        if isinstance(event, ReadSample):
            self._send(Media(number, event.dts - SHIFT, event.pts - SHIFT, event.key, event.data))
            return
        track = next((track for track in event.tracks if track.kind == "video"), None)
        if track is None:
            self._fail("ffmpeg wrote no picture.")
        fourcc = self._spec.rungs[number].encoder.fourcc
        try:
            depth = VIDEO_CODECS[fourcc].parse(track.config).bit_depth
        except (KeyError, CodecError) as error:
            self._fail(f"The encoder describes itself wrongly: {error}")
        described = Described(number, track.width, track.height, depth, track.config)
        if self._described.get(number) != described:
            self._described[number] = described
            self._send(described)
