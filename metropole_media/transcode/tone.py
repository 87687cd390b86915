"""High dynamic range into standard: a table of colours that FFmpeg's `lut3d` filter looks up.

Source: SMPTE ST 2084 (PQ), ARIB STD-B67 and ITU-R BT.2100 (HLG), BT.2390 section 5.4 (how bright
light is compressed), BT.2087 (BT.2020 to BT.709), BT.1886 (a standard screen), BT.2408 (white).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

PQ, HLG = 16, 18
"""TransferCharacteristics of H.273."""
POINTS = 33
"""Of the table, in each direction."""
PEAK = 1000.0
"""Candelas a square metre of the brightest that sources are taken to hold."""
WHITE = 203.0
"""Candelas of white paper in high dynamic range; a standard screen shows nothing brighter."""
TO_709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
LUMA = (0.2627, 0.6780, 0.0593)
M1, M2 = 2610 / 16384, 2523 / 32
C1, C2, C3 = 3424 / 4096, 2413 / 128, 2392 / 128
A, B, C = 0.17883277, 0.28466892, 0.55991073

Triple = tuple[float, float, float]


@lru_cache(maxsize=2)
def make_table(transfer: int) -> str:
    """A table in the .cube format: signals of BT.2020 with this transfer, 0 to 1, into signals of
    BT.709. Takes about 0.1 s."""
    values = [number / (POINTS - 1) for number in range(POINTS)]
    light: Callable[[Triple], Triple] = _from_hlg if transfer == HLG else _from_pq
    lines = [f"LUT_3D_SIZE {POINTS}"]
    lines += [
        "{:.5f} {:.5f} {:.5f}".format(*_shown(light((red, green, blue))))
        for blue in values
        for green in values
        for red in values
    ]
    return "\n".join(lines) + "\n"


def pq_light(signal: float) -> float:
    """Candelas a square metre of a PQ signal, 0 to 1."""
    power = signal ** (1 / M2)
    return float(10_000 * (max(power - C1, 0.0) / (C2 - C3 * power)) ** (1 / M1))


def pq_signal(light: float) -> float:
    """PQ signal of candelas a square metre."""
    power = (max(light, 0.0) / 10_000) ** M1
    return float(((C1 + C2 * power) / (1 + C3 * power)) ** M2)


def compress(light: float) -> float:
    """Candelas up to `PEAK` into candelas up to `WHITE`; what is dark stays as it is."""
    peak = pq_signal(PEAK)
    most = pq_signal(WHITE) / peak
    knee = 1.5 * most - 0.5
    signal = min(pq_signal(light) / peak, 1.0)
    if signal > knee:
        t = (signal - knee) / (1 - knee)
        signal = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (-2 * t**3 + 3 * t**2) * most
        )
    return pq_light(signal * peak)


def _shown(light: Triple) -> Triple:
    brightest = max(light)
    # All three by one factor, so that colours keep their hue.
    factor = compress(brightest) / brightest / WHITE if brightest > 0 else 0.0
    return tuple(_signals([each * factor for each in light]))  # type: ignore[return-value]


def _signals(light: list[float]) -> Iterator[float]:
    for row in TO_709:
        linear = sum(weight * each for weight, each in zip(row, light, strict=True))
        yield min(max(linear, 0.0), 1.0) ** (1 / 2.4)


def _from_pq(signal: Triple) -> Triple:
    red, green, blue = map(_pq_light, signal)
    return red, green, blue


_pq_light = lru_cache(maxsize=POINTS)(pq_light)


def _from_hlg(signal: Triple) -> Triple:
    scene = [_hlg_scene(each) for each in signal]
    luma = sum(weight * each for weight, each in zip(LUMA, scene, strict=True))
    factor = PEAK * luma**0.2
    red, green, blue = (each * factor for each in scene)
    return red, green, blue


def _hlg_scene(signal: float) -> float:
    if signal <= 0.5:
        return signal * signal / 3
    return (math.exp((signal - C) / A) + B) / 12
