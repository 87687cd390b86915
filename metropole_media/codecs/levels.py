"""The lowest level of H.264 and H.265 that holds a picture, and the codec string with it: what an
encoder will say of its stream, known before it has begun.

Sources: ITU-T H.264 table A-1, ITU-T H.265 tables A.8 and A.9; the strings: RFC 6381 section 3.3
with ISO/IEC 14496-15 annex E.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

HIGH, MAIN_AVC, CONSTRAINED_BASELINE = 0x6400, 0x4D40, 0x42C0
"""profile_idc and constraint flags, as x264 and NVENC write them."""

HIGH_FACTOR = 1.25
"""High profile may have so much more of table A-1's bitrate (cpbBrVclFactor)."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level.

    Fields:
        name: "3.1", as encoders take it.
        idc: number in the stream: 31 in H.264, 93 in H.265.
        high_tier: of H.265, where the main tier has too little bitrate.
    """

    name: str
    idc: int
    high_tier: bool = False


@dataclass(frozen=True, slots=True)
class _Avc:
    """A line of table A-1: macroblocks a second, of a picture, kbit/s."""

    name: str
    blocks_per_second: int
    blocks: int
    kbits: int


@dataclass(frozen=True, slots=True)
class _Hevc:
    """A line of tables A.8 and A.9: samples of a picture, a second, kbit/s of both tiers."""

    name: str
    samples: int
    samples_per_second: int
    kbits: int
    kbits_high: int


AVC = [
    _Avc("1", 1485, 99, 64),
    _Avc("1.1", 3000, 396, 192),
    _Avc("1.2", 6000, 396, 384),
    _Avc("1.3", 11_880, 396, 768),
    _Avc("2", 11_880, 396, 2000),
    _Avc("2.1", 19_800, 792, 4000),
    _Avc("2.2", 20_250, 1620, 4000),
    _Avc("3", 40_500, 1620, 10_000),
    _Avc("3.1", 108_000, 3600, 14_000),
    _Avc("3.2", 216_000, 5120, 20_000),
    _Avc("4", 245_760, 8192, 20_000),
    _Avc("4.1", 245_760, 8192, 50_000),
    _Avc("4.2", 522_240, 8704, 50_000),
    _Avc("5", 589_824, 22_080, 135_000),
    _Avc("5.1", 983_040, 36_864, 240_000),
    _Avc("5.2", 2_073_600, 36_864, 240_000),
    _Avc("6", 4_177_920, 139_264, 240_000),
    _Avc("6.1", 8_355_840, 139_264, 480_000),
    _Avc("6.2", 16_711_680, 139_264, 800_000),
]
HEVC = [
    _Hevc("1", 36_864, 552_960, 128, 0),
    _Hevc("2", 122_880, 3_686_400, 1500, 0),
    _Hevc("2.1", 245_760, 7_372_800, 3000, 0),
    _Hevc("3", 552_960, 16_588_800, 6000, 0),
    _Hevc("3.1", 983_040, 33_177_600, 10_000, 0),
    _Hevc("4", 2_228_224, 66_846_720, 12_000, 30_000),
    _Hevc("4.1", 2_228_224, 133_693_440, 20_000, 50_000),
    _Hevc("5", 8_912_896, 267_386_880, 25_000, 100_000),
    _Hevc("5.1", 8_912_896, 534_773_760, 40_000, 160_000),
    _Hevc("5.2", 8_912_896, 1_069_547_520, 60_000, 240_000),
    _Hevc("6", 35_651_584, 1_069_547_520, 60_000, 240_000),
    _Hevc("6.1", 35_651_584, 2_139_095_040, 120_000, 480_000),
    _Hevc("6.2", 35_651_584, 4_278_190_080, 240_000, 800_000),
]


def avc_level(width: int, height: int, frame_rate: float, bitrate: int) -> Level:
    """The lowest level of H.264, High profile.

    Arguments:
        width, height: pixels.
        frame_rate: frames a second.
        bitrate: the largest, in bit/s.

    Raises:
        ValueError: no level holds it.
    """
    across, down = ceil(width / 16), ceil(height / 16)
    blocks = across * down
    for line in AVC:
        if (
            blocks <= line.blocks
            and max(across, down) <= sqrt(8 * line.blocks)
            and blocks * frame_rate <= line.blocks_per_second
            and bitrate <= line.kbits * 1000 * HIGH_FACTOR
        ):
            return Level(line.name, round(float(line.name) * 10))
    raise ValueError(f"no level of H.264 holds {width}x{height} at {frame_rate:g} frames a second")


def hevc_level(width: int, height: int, frame_rate: float, bitrate: int) -> Level:
    """The lowest level of H.265; the high tier only where the main tier has too little bitrate.
    Arguments and errors as `avc_level`."""
    across, down = ceil(width / 8) * 8, ceil(height / 8) * 8
    samples = across * down
    lines = [
        line
        for line in HEVC
        if samples <= line.samples
        and max(across, down) <= sqrt(8 * line.samples)
        and samples * frame_rate <= line.samples_per_second
    ]
    if not lines:
        raise ValueError(
            f"no level of H.265 holds {width}x{height} at {frame_rate:g} frames a second"
        )
    lowest = lines[0]
    for line in lines:
        if bitrate <= line.kbits * 1000:
            # A higher level costs decoders more than the high tier of the right one.
            if line is not lowest and bitrate <= lowest.kbits_high * 1000:
                return _of(lowest, high_tier=True)
            return _of(line)
    for line in lines:
        if bitrate <= line.kbits_high * 1000:
            return _of(line, high_tier=True)
    raise ValueError(f"no level of H.265 holds {bitrate} bit/s")


def avc_codec(level: Level, profile: int = HIGH) -> str:
    """The codec string: "avc1.64001f".

    Arguments:
        profile: `HIGH`, `MAIN_AVC` or `CONSTRAINED_BASELINE`.
    """
    return f"avc1.{profile:04x}{level.idc:02x}"


def hevc_codec(level: Level, *, ten_bit: bool = False, constraints: str = "90") -> str:
    """The codec string: "hvc1.1.6.L93.90".

    Arguments:
        ten_bit: Main 10 instead of Main.
        constraints: the first constraint octet in hexadecimal: "90" as x265 writes it
            (progressive, frames only), "B0" with non-packed.
    """
    profile = "2.4" if ten_bit else "1.6"
    tier = "H" if level.high_tier else "L"
    return f"hvc1.{profile}.{tier}{level.idc}.{constraints}"


def _of(line: _Hevc, *, high_tier: bool = False) -> Level:
    return Level(line.name, round(float(line.name) * 30), high_tier)
