"""One stream's frames, from the decoder to the sizes of its ladder. Runs in the worker."""

from __future__ import annotations

import time

from av.video.frame import VideoFrame

from metropole_media.transcode.complaints import sentence_of
from metropole_media.transcode.confine import memory
from metropole_media.transcode.decoding import Decoder
from metropole_media.transcode.encoders import JobSpec, Rung
from metropole_media.transcode.encoding import Ending, Flushing, Size
from metropole_media.transcode.pace import TIMESCALE, FrameGate, KeyFrames, RateMeter
from metropole_media.transcode.scaling import settle_colours
from metropole_media.transcode.serve import Fail, Send
from metropole_media.transcode.wire import Flush, Flushed, Media, Message, Source, Stop

MAX_HELD = 8
"""Frames that wait until the source's frame rate is known."""


class FrameMaker:
    """Decodes, and hands frames to the sizes."""

    def __init__(self, spec: JobSpec, send: Send, fail: Fail) -> None:
        self.frames = 0
        self._spec, self._send, self._fail = spec, send, fail
        self._decoder: Decoder | None = None
        self._source: Source | None = None
        self._coming: Source | None = None
        self._damaged = 0
        self._keys = KeyFrames()
        self._meter = RateMeter(0.0)
        self._held: list[tuple[VideoFrame, int, bool]] = []
        self._gates = {number: FrameGate(rung.frame_rate) for number, rung in enumerate(spec.rungs)}
        self._sizes: list[Size] = []
        self._of: dict[int, Size] = {}
        by_size: dict[tuple[object, ...], dict[int, Rung]] = {}
        for number, rung in enumerate(spec.rungs):
            kind = (rung.width, rung.height, rung.encoder.pixel_format, rung.encoder.scaling)
            by_size.setdefault(kind, {})[number] = rung
        for rungs in by_size.values():
            size = Size(rungs, send, self._size_failed)
            self._sizes.append(size)
            self._of.update(dict.fromkeys(rungs, size))
            size.start()

    @property
    def damaged(self) -> int:
        """Packets that could not be decoded."""
        return self._damaged + (self._decoder.damaged if self._decoder else 0)

    def usage(self) -> tuple[float, int]:
        """Processor seconds used so far, octets of RAM held now."""
        return time.process_time(), memory()

    def take(self, message: Message) -> None:
        """Do what a message says."""
        match message:
            case Media():
                self._media(message)
            case Source():
                self._coming = message
            case Flush():
                self._flush()
            case Stop(rung):
                self._end(rung)

    def _media(self, media: Media) -> None:
        if self._coming is not None and media.key:
            self._change(self._coming)
        if self._decoder is None or self._source is None:
            return
        if media.key:
            self._keys.mark(media.pts * TIMESCALE // self._source.timescale)
        for frame in self._decoder.decode(media):
            self._frame(frame)

    def _change(self, source: Source) -> None:
        """From this key frame on the source is another one."""
        self._drain()
        choice = next((each for each in self._spec.decoders if each.fourcc == source.fourcc), None)
        if choice is None:
            self._fail(f"There is no decoder for {source.fourcc} here.")
        self._coming, self._source = None, source
        self._decoder = Decoder(source, choice)
        self._meter = RateMeter(source.frame_rate)

    def _drain(self) -> None:
        if self._decoder is not None:
            for frame in self._decoder.flush():
                self._frame(frame)
            self._damaged += self._decoder.damaged
            self._decoder = None
        self._release()

    def _flush(self) -> None:
        self._drain()
        self._flush_sizes()
        self._coming = self._source
        self._send(Flushed())

    def _flush_sizes(self) -> None:
        flushing = Flushing(len(self._sizes))
        for size in self._sizes:
            size.put(flushing)
        flushing.wait()

    def _end(self, rung: int, sentence: str = "") -> None:
        if self._gates.pop(rung, None) is not None:
            self._of[rung].put(Ending(rung, sentence))

    def _frame(self, frame: VideoFrame) -> None:
        if frame.pts is None or frame.time_base is None:
            return
        settle_colours(frame, self._source.transfer if self._source else 0)
        time_ = round(frame.pts * frame.time_base * TIMESCALE)
        key = self._keys.at(time_)
        self.frames += 1
        self._check_size(frame.width, frame.height)
        self._meter.take(time_, key)
        self._held.append((frame, time_, key))
        if self._meter.rate or len(self._held) >= MAX_HELD:
            self._release()

    def _release(self) -> None:
        rate = self._meter.rate
        for frame, time_, key in self._held:
            taking = [n for n, gate in self._gates.items() if gate.take(key, rate)]
            for size in self._sizes:
                numbers = tuple(number for number in taking if self._of[number] is size)
                if numbers:
                    size.put((frame, time_, key, numbers))
        self._held.clear()

    def _check_size(self, width: int, height: int) -> None:
        """A rendition is never larger than its source."""
        for number in tuple(self._gates):
            rung = self._spec.rungs[number]
            if rung.width > width or rung.height > height:
                self._release()  # what came before
                if len(self._gates) > 1:
                    self._end(
                        number,
                        f"The source is {width}x{height} now: {rung.name} would be larger "
                        f"({rung.width}x{rung.height}).",
                    )
                    continue
                self._flush_sizes()
                self._fail(f"The source is {width}x{height}, and all renditions would be larger.")

    def _size_failed(self, error: Exception) -> None:
        self._fail(sentence_of(error))
