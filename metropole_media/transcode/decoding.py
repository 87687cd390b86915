"""A source's packets into frames. Runs in the worker."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from metropole_media.transcode.complaints import Cannot
from metropole_media.transcode.encoders import VideoDecoder
from metropole_media.transcode.filtering import Chain
from metropole_media.transcode.listening import why
from metropole_media.transcode.wire import Media, Source

WEAVE = ("bwdif", "mode=send_frame:deint=interlaced")
MAX_DAMAGED = 200
"""Packets in a row that give no picture."""
PIXELS_PER_THREAD = 130e6
"""Pixels a second for which one thread of the decoder is enough, with room to spare."""


class CannotDecode(Cannot):
    """The source, or nothing at all."""


class Decoder:
    """Decodes one source until its configuration changes.

    Interlaced pictures come out as progressive ones, at the same rate.

    Raises:
        CannotDecode: there is no such decoder here, or it does not open.

    Fields:
        damaged: packets that could not be decoded.
    """

    def __init__(self, source: Source, choice: VideoDecoder) -> None:
        self.damaged = 0
        self._in_a_row = 0
        self._time_base = Fraction(1, source.timescale)
        self._weaver: Chain | None = None
        try:
            self._context = _open(source, choice)
        except (av.FFmpegError, OSError, ValueError) as error:
            words = why(error, lambda: _open(source, choice))
            raise CannotDecode(f"The decoder {choice.codec} does not start: {words}.") from None

    def decode(self, media: Media) -> Iterator[VideoFrame]:
        """Frames that a packet completes, in the order in which they are shown.

        Raises:
            CannotDecode: nothing but damaged packets come.
        """
        # It takes any buffer; the decoder copies it with the padding that it needs.
        packet = av.Packet(cast("bytes", media.data))
        packet.dts, packet.pts = media.dts, media.pts
        packet.time_base = self._time_base
        packet.is_keyframe = media.key
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self.damaged += 1
            self._in_a_row += 1
            if self._in_a_row >= MAX_DAMAGED:
                raise CannotDecode(
                    f"The video cannot be decoded: {error}. Check the encoder's settings."
                ) from None
            return
        for frame in frames:
            self._in_a_row = 0
            yield from self._progressive(frame)

    def flush(self) -> Iterator[VideoFrame]:
        """Frames that are still inside. Nothing can be decoded afterwards."""
        try:
            frames = self._context.decode(None)
        except (av.FFmpegError, ValueError):
            return
        for frame in frames:
            frame.time_base = self._time_base  # there was no packet to take it from
            yield from self._progressive(frame)
        if self._weaver is not None:
            yield from self._weaver.push(None)

    def _progressive(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        if self._weaver is None and not frame.interlaced_frame:
            yield frame
            return
        if self._weaver is None or not self._weaver.takes(frame):
            if self._weaver is not None:
                yield from self._weaver.push(None)
            self._weaver = Chain(frame, WEAVE)
        yield from self._weaver.push(frame)


def _open(source: Source, choice: VideoDecoder) -> VideoCodecContext:
    device = None
    if choice.hwaccel:
        device = HWAccel(choice.hwaccel, choice.device or None, allow_software_fallback=True)
    context = av.CodecContext.create(choice.codec, "r", hwaccel=device)
    assert isinstance(context, VideoCodecContext)
    context.extradata = source.config
    context.thread_count = threads_for(source, choice.threads)
    context.options = dict(choice.options)
    context.open()
    return context


def threads_for(source: Source, most: int) -> int:
    """How many threads a decoder gets: more of them hold more frames back."""
    rate = source.frame_rate or 60.0
    return max(1, min(most, math.ceil(source.width * source.height * rate / PIXELS_PER_THREAD)))
