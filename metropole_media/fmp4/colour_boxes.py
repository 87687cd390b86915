"""The boxes that say how samples become light.

Source: ISO/IEC 14496-12 sections 12.1.5 (colr), 12.1.6 (clli), 12.1.7 (mdcv).
"""

from __future__ import annotations

import struct

from metropole_media.codecs.model import Colour
from metropole_media.fmp4.boxes import box

FULL_RANGE = 0x80


def colour_boxes(colour: Colour | None) -> list[bytes]:
    """What a visual sample entry holds behind its codec's configuration."""
    if colour is None:
        return []
    points = struct.pack(
        ">4s3HB",
        b"nclx",
        colour.primaries,
        colour.transfer,
        colour.matrix,
        FULL_RANGE * colour.full_range,
    )
    boxes = [box(b"colr", points)]
    if colour.mastering:
        boxes.append(box(b"mdcv", colour.mastering))
    if colour.light:
        boxes.append(box(b"clli", colour.light))
    return boxes
