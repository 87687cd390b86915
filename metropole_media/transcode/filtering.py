"""A chain of FFmpeg's filters that frames go through. Runs in the worker."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.filter import Graph
from av.video.frame import VideoFrame

Step = tuple[str, str]
"""Name of a filter, its arguments."""


class Chain:
    """Filters for one kind of frames, one thread.

    A frame that goes in is only read, and what comes out is another object even where nothing
    had to be done. So frames of the decoder may be pushed into several chains, each of a thread
    of its own. (`VideoReformatter` changes the colours of the frame that it is given while it
    works on it: two of them on one frame fail now and then, or forget its colours.)

    Arguments:
        like: a frame of that kind.
        steps: what is to be done.

    Raises:
        av.FFmpegError: a filter refuses.
    """

    def __init__(self, like: VideoFrame, *steps: Step) -> None:
        self._kind = _kind(like)
        graph = Graph()
        graph.threads = 1
        base = like.time_base
        assert base is not None
        buffer = {
            "video_size": f"{like.width}x{like.height}",
            "pix_fmt": like.format.name,
            "time_base": f"{base.numerator}/{base.denominator}",
            "colorspace": str(int(like.colorspace)),
            "range": str(int(like.color_range)),
        }
        last = graph.add("buffer", ":".join(f"{name}={value}" for name, value in buffer.items()))
        for name, arguments in (*steps, ("buffersink", "")):
            following = graph.add(name, arguments) if arguments else graph.add(name)
            last.link_to(following)
            last = following
        graph.configure()
        self._graph = graph

    def takes(self, frame: VideoFrame) -> bool:
        """Whether it is of the kind that this chain was made for."""
        return _kind(frame) == self._kind

    def push(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Frames that this one completes; what is left inside for None."""
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return


def _kind(frame: VideoFrame) -> tuple[object, ...]:
    colours = (frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries)
    return (frame.width, frame.height, frame.format.name, frame.time_base, *colours)
