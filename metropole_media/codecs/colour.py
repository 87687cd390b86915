"""Colour and HDR metadata in the form that the boxes of an ISO base media file want.

Sources: ITU-T H.273 (code points), ITU-T H.265 sections D.2.28 and D.2.35 (mastering display,
content light level), ISO/IEC 14496-12 section 12.1.5 to 12.1.7 (colr, clli, mdcv), Enhanced RTMP
v2 "Metadata Frame" (colorInfo).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace

from metropole_media.codecs.model import Colour

UNSPECIFIED = 2
MASTERING_OCTETS, LIGHT_OCTETS = 24, 4
CHROMATICITY, LUMINANCE = 50_000, 10_000
"""Steps of an `mdcv` box: a chromaticity of 1.0, and one candela a square metre."""
FLV_PRIMARIES = ("greenX", "greenY", "blueX", "blueY", "redX", "redY", "whitePointX", "whitePointY")


def colour(points: tuple[int, int, int] | None, full_range: bool) -> Colour | None:
    """A `Colour` of primaries, transfer and matrix; None when that says nothing."""
    points = points or (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)
    if points == (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED) and not full_range:
        return None
    return Colour(*points, full_range)


def with_light(said: Colour | None, mastering: bytes, light: bytes) -> Colour | None:
    """That colour with the static HDR metadata, where there is any."""
    if not (mastering or light):
        return said
    said = said or Colour(UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)
    return replace(said, mastering=mastering, light=light)


def mastering_display(chromaticities: Sequence[float], brightest: float, darkest: float) -> bytes:
    """Payload of an `mdcv` box.

    Arguments:
        chromaticities: x and y of green, blue, red and white.
        brightest, darkest: candela a square metre.
    """
    # Rounded at last: what is too large for a float is no number any more.
    points = [round(min(max(value * CHROMATICITY, 0), 0xFFFF)) for value in chromaticities]
    lights = [round(min(max(value * LUMINANCE, 0), 0xFFFFFFFF)) for value in (brightest, darkest)]
    return struct.pack(">8H2I", *points, *lights)


def colour_from_flv(values: Mapping[str, object]) -> Colour | None:
    """The `colorInfo` object of Enhanced RTMP. What is missing or senseless counts as not said."""
    config = _object(values, "colorConfig")
    points = tuple(
        _code(config.get(name))
        for name in ("colorPrimaries", "transferCharacteristics", "matrixCoefficients")
    )
    mastering, light = b"", b""
    display = _object(values, "hdrMdcv")
    primaries = [_number(display.get(name)) for name in FLV_PRIMARIES]
    brightest, darkest = (_number(display.get(name)) for name in ("maxLuminance", "minLuminance"))
    if all(0 < value <= 1 for value in primaries) and brightest > 0:
        mastering = mastering_display(primaries, brightest, max(darkest, 0.0))
    level = _object(values, "hdrCll")
    most, average = (max(_number(level.get(name)), 0.0) for name in ("maxCLL", "maxFall"))
    if most or average:
        light = struct.pack(">2H", *(min(round(value), 0xFFFF) for value in (most, average)))
    return with_light(colour((points[0], points[1], points[2]), False), mastering, light)


def merged(codec: Colour | None, told: Colour | None) -> Colour | None:
    """What the codec says, filled up with what was told beside it."""
    if codec is None or told is None:
        return codec or told
    if codec.primaries == codec.transfer == codec.matrix == UNSPECIFIED:
        codec = replace(codec, primaries=told.primaries, transfer=told.transfer, matrix=told.matrix)
    return replace(
        codec, mastering=codec.mastering or told.mastering, light=codec.light or told.light
    )


def _object(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    """-1.0 for what is no number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return -1.0


def _code(value: object) -> int:
    number = _number(value)
    return int(number) if 0 <= number <= 255 else UNSPECIFIED
