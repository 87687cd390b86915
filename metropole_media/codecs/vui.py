"""What the sequence parameter sets of H.264 and HEVC say alike about the picture's appearance.

Source: ITU-T H.264 section E.1.1, ITU-T H.265 section E.2.1: both begin with the same fields.
"""

from __future__ import annotations

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.colour import colour
from metropole_media.codecs.model import Colour

EXTENDED_SAR = 255


def read_appearance(bits: BitReader) -> Colour | None:
    """Read the beginning of vui_parameters(), up to and with the place of chroma samples."""
    said = None
    if bits.flag() and bits.read(8) == EXTENDED_SAR:
        bits.read(32)
    if bits.flag():
        bits.read(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.read(3)  # video_format
        full_range = bits.flag()
        points = (bits.read(8), bits.read(8), bits.read(8)) if bits.flag() else None
        said = colour(points, full_range)
    if bits.flag():
        bits.ue()
        bits.ue()
    return said
