"""One size of the ladder: a thread that scales and encodes. Runs in the worker."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from metropole_media.transcode.bitstream import record_in, to_sample
from metropole_media.transcode.complaints import Cannot
from metropole_media.transcode.encoders import Rung
from metropole_media.transcode.listening import why
from metropole_media.transcode.pace import TIMESCALE
from metropole_media.transcode.scaling import Scaler
from metropole_media.transcode.serve import Send
from metropole_media.transcode.wire import Described, Gone, Media

MAX_WAITING = 4
"""Frames of the source that wait for a size; the decoder waits when it has as many."""
TIME_BASE = Fraction(1, TIMESCALE)


class CannotEncode(Cannot):
    """A rendition."""


class Encoder:
    """Encodes one rendition from one key frame to a flush.

    Raises:
        CannotEncode: the encoder does not open here.
    """

    def __init__(self, number: int, rung: Rung, like: VideoFrame) -> None:
        choice = rung.encoder
        self._number, self._fourcc = number, choice.fourcc
        try:
            self._container, self._context, record = _open(rung, like)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise CannotEncode(
                f"The encoder {choice.codec} does not start for {rung.name} "
                f"({rung.width}x{rung.height}): {why(error, lambda: _open(rung, like))}."
            ) from None
        depth = av.VideoFormat(choice.pixel_format).components[0].bits
        self.described = Described(number, rung.width, rung.height, depth, record)

    def encode(self, frame: VideoFrame | None) -> Iterator[Media]:
        """Packets that a frame completes; all that are left for None."""
        for packet in self._context.encode(frame):
            pts = packet.pts if packet.pts is not None else 0
            dts = packet.dts if packet.dts is not None else pts
            sample = to_sample(self._fourcc, bytes(packet))
            yield Media(self._number, dts, pts, packet.is_keyframe, sample)


def _open(rung: Rung, like: VideoFrame) -> tuple[OutputContainer, VideoCodecContext, bytes]:
    """An encoder that is open, the file it belongs to, and its configuration record."""
    choice = rung.encoder
    # The file is written for its header alone, which holds that record.
    header = io.BytesIO()
    container: OutputContainer = av.open(
        header,
        "w",
        format="mp4",
        options={"movflags": "empty_moov+default_base_moof", "use_editlist": "0"},
    )
    stream = container.add_stream(choice.codec, options=dict(choice.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height = rung.width, rung.height
    context.pix_fmt = choice.pixel_format
    context.time_base = TIME_BASE
    context.framerate = Fraction(rung.frame_rate).limit_denominator(1001)
    context.thread_count = choice.threads
    context.bit_rate = rung.bitrate
    context.max_b_frames = 0
    options = {**dict(choice.options), "bufsize": str(_octets(rung, choice.buffer_seconds))}
    if choice.max_rate:
        options["maxrate"] = str(round(rung.bitrate * choice.max_rate))
    context.options = options
    if choice.gop is not None:
        context.gop_size = choice.gop
    if choice.fourcc == "hvc1":
        context.codec_tag = "hvc1"
    context.color_range = 1
    context.colorspace = like.colorspace
    context.color_primaries = like.color_primaries
    context.color_trc = like.color_trc
    container.start_encoding()
    return container, context, record_in(choice.fourcc, header.getvalue())


class Flushing:
    """Put between frames: whoever comes upon it flushes."""

    def __init__(self, sizes: int) -> None:
        self._left = threading.Semaphore(0)
        self._sizes = sizes

    def done(self) -> None:
        self._left.release()

    def wait(self) -> None:
        """Until all sizes have come upon it."""
        for _ in range(self._sizes):
            self._left.acquire()


@dataclass(frozen=True, slots=True)
class Ending:
    """Put between frames: a rendition ends there.

    Fields:
        rung: its number.
        sentence: that the job is told once everything of it has come out; "" if it knows.
    """

    rung: int
    sentence: str = ""


Work = tuple[VideoFrame, int, bool, tuple[int, ...]] | Flushing | Ending


class Size(threading.Thread):
    """Scales once, encodes each rendition of that size.

    Arguments:
        rungs: by number.
        send: takes messages, from any thread.
        failed: called with the exception that ended the thread.
    """

    def __init__(
        self, rungs: dict[int, Rung], send: Send, failed: Callable[[Exception], None]
    ) -> None:
        first = next(iter(rungs.values()))
        super().__init__(name=f"{first.width}x{first.height}", daemon=True)
        self.width, self.height = first.width, first.height
        self._rungs = rungs
        self._send = send
        self._failed = failed
        self._scaler = Scaler(
            first.width, first.height, first.encoder.pixel_format, first.encoder.scaling
        )
        self._encoders: dict[int, Encoder] = {}
        self._work: queue.Queue[Work] = queue.Queue(MAX_WAITING)

    def put(self, work: Work) -> None:
        """Wait until there is room, then hand over (frame of the source, time in 1/90000 s,
        whether it becomes a key frame, numbers of the rungs that take it)."""
        self._work.put(work)

    def run(self) -> None:
        try:
            while True:
                work = self._work.get()
                match work:
                    case Flushing():
                        self._flush(*self._encoders)
                        work.done()
                    case Ending(rung, sentence):
                        self._flush(rung)
                        if sentence:
                            self._send(Gone(rung, sentence))
                    case _:
                        self._encode(*work)
        except Exception as error:
            self._failed(error)

    def _encode(self, source: VideoFrame, time: int, key: bool, numbers: tuple[int, ...]) -> None:
        frame = self._scaler.scale(source)
        frame.pts, frame.time_base = time, TIME_BASE
        # Always set: a decoded frame says what it was in the source, and that would be kept.
        frame.pict_type = PictureType.I if key else PictureType.NONE
        for number in numbers:
            encoder = self._encoders.get(number)
            if encoder is None:
                encoder = self._encoders[number] = Encoder(number, self._rungs[number], frame)
                self._send(encoder.described)
            for media in encoder.encode(frame):
                self._send(media)

    def _flush(self, *rungs: int) -> None:
        for rung in rungs:
            encoder = self._encoders.pop(rung, None)
            for media in encoder.encode(None) if encoder else ():
                self._send(media)


def _octets(rung: Rung, seconds: float) -> int:
    return round(rung.bitrate * seconds)
