"""Pictures of the source in one size of the ladder. Runs in the worker."""

from __future__ import annotations

import tempfile
from pathlib import Path

from av.video.frame import VideoFrame

from metropole_media.transcode.filtering import Chain
from metropole_media.transcode.tone import HLG, PQ, make_table

RGB, BT709, UNKNOWN, SMPTE_170M = 0, 1, 2, 6
TRANSFERS = frozenset({1, 2, 4, 5, 6, 7, 8, 11, 13, 14, 15, PQ, HLG})
PRIMARIES = frozenset({1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 22})
MATRICES = frozenset({1, 2, 4, 5, 6, 7, 8, 9, 10})
"""What FFmpeg can do something with; the rest is reserved, or rare enough to be called unknown."""
MIN_HD_HEIGHT = 720


class Scaler:
    """Makes frames of one size and pixel format, in the limited range of brightness.

    Each belongs to one thread; the frames that it is given may be shared and are not changed.
    """

    def __init__(self, width: int, height: int, pixel_format: str, scaling: str) -> None:
        self._size = width, height
        self._pixel_format = pixel_format
        self._flags = scaling.lower()
        self._chain: Chain | None = None

    def scale(self, frame: VideoFrame) -> VideoFrame:
        """A frame in this size; never the same object."""
        if self._chain is None or not self._chain.takes(frame):
            self._chain = self._make_chain(frame)
        (scaled,) = self._chain.push(frame)
        return scaled

    def _make_chain(self, frame: VideoFrame) -> Chain:
        width, height = self._size
        size = f"{width}:{height}:flags={self._flags}"
        if frame.color_trc not in (PQ, HLG):
            return Chain(frame, ("scale", f"{size}:out_range=tv"), ("format", self._pixel_format))
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "tone.cube"
            table.write_text(make_table(frame.color_trc))
            return Chain(
                frame,
                # First smaller, then the costly work.
                ("scale", size),
                ("format", "gbrp10le"),
                ("lut3d", f"file={table}"),
                ("setparams", "color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc"),
                ("scale", "out_color_matrix=bt709:out_range=tv"),
                ("format", self._pixel_format),
            )


def settle_colours(frame: VideoFrame, transfer: int) -> None:
    """Before anybody else sees a decoded frame: let it say what can be worked with.

    The matrix is said outright, since a player that is told nothing guesses from the size, which
    scaling changes.

    Arguments:
        transfer: what the source's description says, 0 when it says nothing.
    """
    if frame.color_trc in (0, UNKNOWN) and transfer:
        frame.color_trc = transfer
    if frame.color_trc not in TRANSFERS:
        frame.color_trc = UNKNOWN
    if frame.color_primaries not in PRIMARIES:
        frame.color_primaries = UNKNOWN
    if frame.colorspace not in MATRICES - {UNKNOWN} and not frame.format.is_rgb:
        frame.colorspace = BT709 if frame.height >= MIN_HD_HEIGHT else SMPTE_170M
