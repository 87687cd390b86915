"""Pictures of the source in one size of the ladder. Runs in the worker."""

from __future__ import annotations

import tempfile
from pathlib import Path

from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from metropole_media.transcode.tone import HLG, PQ, make_table

BT709, SMPTE_170M, UNKNOWN = 1, 6, 2
MIN_HD_HEIGHT = 720


class Scaler:
    """Makes frames of one size and pixel format, in the standard range of brightness.

    Each belongs to one thread. Frames of the source are shared between threads: `frame.reformat`
    on one of them from two threads at once crashes the process, a `VideoReformatter` for each
    does not.
    """

    def __init__(self, width: int, height: int, pixel_format: str, scaling: str) -> None:
        self._size = width, height
        self._pixel_format = pixel_format
        self._scaling, self._flags = Interpolation[scaling], scaling.lower()
        self._reformatter = VideoReformatter()
        self._mapper: Graph | None = None
        self._mapped: tuple[object, ...] = ()

    def scale(self, frame: VideoFrame) -> VideoFrame:
        """A frame in this size. It may be the same one if that fits already."""
        if frame.color_trc in (PQ, HLG):
            return self._map(frame)
        width, height = self._size
        return self._reformatter.reformat(
            frame, width, height, self._pixel_format, interpolation=self._scaling, threads=1
        )

    def _map(self, frame: VideoFrame) -> VideoFrame:
        kind = (frame.width, frame.height, frame.format.name, frame.color_trc, frame.colorspace)
        if self._mapper is None or self._mapped != kind:
            self._mapper, self._mapped = self._make_mapper(frame), kind
        self._mapper.vpush(frame)
        return self._mapper.vpull()

    def _make_mapper(self, frame: VideoFrame) -> Graph:
        """From high dynamic range into standard (`tone`)."""
        graph = Graph()
        graph.threads = 1
        last = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        )
        width, height = self._size
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "tone.cube"
            table.write_text(make_table(frame.color_trc))
            for name, arguments in (
                # First smaller, then the costly work.
                ("scale", f"{width}:{height}:flags={self._flags}"),
                ("format", "gbrp10le"),
                ("lut3d", f"file={table}"),
                ("setparams", "color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc"),
                ("scale", "out_color_matrix=bt709:out_range=tv"),
                ("format", self._pixel_format),
                ("buffersink", ""),
            ):
                following = graph.add(name, arguments) if arguments else graph.add(name)
                last.link_to(following)
                last = following
            graph.configure()
        return graph


def matrix_of(frame: VideoFrame) -> int:
    """The matrix that a player will take, H.273: said outright, since a player that is told
    nothing guesses from the size, which scaling changes."""
    if frame.colorspace not in (0, UNKNOWN):
        return int(frame.colorspace)
    return BT709 if frame.height >= MIN_HD_HEIGHT else SMPTE_170M
