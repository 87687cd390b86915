"""The sequence parameter set of H.264: picture size, cropping and timing.

Source: ITU-T H.264 sections 7.3.2.1.1 (syntax), 7.4.2.1.1 (meaning), E.1.1 (VUI).
"""

from __future__ import annotations

from dataclasses import dataclass

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.model import Colour
from metropole_media.codecs.nal import without_emulation
from metropole_media.codecs.vui import read_appearance

MAX_OCTETS = 4096
MAX_MACROBLOCKS = 1024  # in each direction: 16384 pixels
MAX_REFERENCE_FRAMES = 16
MAX_POC_CYCLE = 255
WITH_CHROMA = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Values of profile_idc whose sets carry chroma format, bit depth and scaling lists."""


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says.

    Fields:
        profile, compatibility, level: the three octets of an RFC 6381 string.
        width, height: pixels after cropping.
        frame_rate: frames a second by the VUI timing, 0.0 when it is not given.
        chroma_format: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth: of luma.
        colour: None when the VUI does not say.
    """

    profile: int
    compatibility: int
    level: int
    width: int
    height: int
    frame_rate: float
    chroma_format: int
    bit_depth: int
    colour: Colour | None


def parse_sps(nal: bytes) -> Sps:
    """Read the NAL unit of a sequence parameter set, its header octet included.

    Raises:
        BadRecord: not such a unit, cut off, or larger than 16384 pixels in one direction.
    """
    if len(nal) < 4 or nal[0] & 0x1F != 7:
        raise BadRecord("The H.264 configuration holds no sequence parameter set.")
    if len(nal) > MAX_OCTETS:
        raise BadRecord("The H.264 sequence parameter set is too long.")
    profile, compatibility, level = nal[1], nal[2], nal[3]
    bits = BitReader(without_emulation(nal[4:]))
    bits.ue()  # seq_parameter_set_id
    chroma_format, bit_depth, separate_planes = 1, 8, False
    if profile in WITH_CHROMA:
        chroma_format, bit_depth, separate_planes = _chroma(bits)
    bits.ue()  # log2_max_frame_num_minus4
    _picture_order(bits)
    if bits.ue() > MAX_REFERENCE_FRAMES:
        raise BadRecord("The H.264 configuration asks for more than 16 reference frames.")
    bits.read(1)  # gaps_in_frame_num_value_allowed_flag
    across, down = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.read(1)  # mb_adaptive_frame_field_flag
        down *= 2
    if across > MAX_MACROBLOCKS or down > MAX_MACROBLOCKS:
        raise BadRecord("The H.264 picture is larger than 16384 pixels.")
    bits.read(1)  # direct_8x8_inference_flag
    width, height = across * 16, down * 16
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        # Units of cropping are chroma samples (Table 6-1); fields count double.
        planar = chroma_format == 0 or separate_planes
        unit_x = 1 if planar or chroma_format == 3 else 2
        unit_y = (2 if chroma_format == 1 and not planar else 1) * (1 if frames_only else 2)
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if width < 1 or height < 1:
        raise BadRecord("The H.264 picture is cropped to nothing.")
    colour, frame_rate = _vui(bits) if bits.flag() else (None, 0.0)
    return Sps(
        profile, compatibility, level, width, height, frame_rate, chroma_format, bit_depth, colour
    )


def _chroma(bits: BitReader) -> tuple[int, int, bool]:
    chroma_format = bits.ue()
    if chroma_format > 3:
        raise BadRecord("The H.264 configuration names an unknown chroma format.")
    separate_planes = bits.flag() if chroma_format == 3 else False
    bit_depth = bits.ue() + 8
    if bit_depth > 14 or bits.ue() > 6:
        raise BadRecord("The H.264 configuration names an unknown bit depth.")
    bits.read(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(8 if chroma_format != 3 else 12):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format, bit_depth, separate_planes


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _picture_order(bits: BitReader) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.read(1)
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > MAX_POC_CYCLE:
            raise BadRecord("The H.264 configuration holds too long a picture order cycle.")
        for _ in range(cycle):
            bits.se()
    elif kind != 2:
        raise BadRecord("The H.264 configuration names an unknown picture order.")


def _vui(bits: BitReader) -> tuple[Colour | None, float]:
    """Colour and frame rate; what stands behind the timing is of no use here."""
    colour = read_appearance(bits)
    if not bits.flag():
        return colour, 0.0
    units, scale = bits.read(32), bits.read(32)
    # A tick is a field: two make a frame.
    return colour, scale / (2 * units) if units and scale else 0.0
