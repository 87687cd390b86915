"""The sequence parameter set of HEVC: profile, picture size, cropping, timing and colour.

Source: ITU-T H.265 sections 7.3.2.2.1 (syntax), 7.3.3 (profile, tier and level), 7.3.4 (scaling
lists), 7.3.7 (reference picture sets), E.2.1 (VUI).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import BadRecord
from metropole_media.codecs.model import Colour
from metropole_media.codecs.nal import without_emulation
from metropole_media.codecs.vui import read_appearance

SPS = 33
MAX_OCTETS = 4096
MAX_SIDE = 16384
MAX_REFERENCE_SETS, MAX_REFERENCES, MAX_LONG_TERM = 64, 16, 32
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class HevcSps:
    """What a sequence parameter set says.

    Fields:
        general: the 12 octets from general_profile_space to general_level_idc, as a decoder
            configuration record repeats them.
        sub_layers: how many temporal sub-layers there are at most.
        nested: sps_temporal_id_nesting_flag.
        width, height: pixels after cropping.
        frame_rate: frames a second by the VUI timing, 0.0 when it is not given.
        chroma_format: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth, chroma_bit_depth: of luma and chroma.
        colour: None when the VUI does not say.
    """

    general: bytes
    sub_layers: int
    nested: bool
    width: int
    height: int
    frame_rate: float
    chroma_format: int
    bit_depth: int
    chroma_bit_depth: int
    colour: Colour | None


@lru_cache(maxsize=64)  # the same set is read for the record and for the track made of it
def parse_hevc_sps(nal: bytes) -> HevcSps:
    """Read the NAL unit of a sequence parameter set, its header of two octets included.

    Raises:
        BadRecord: not such a unit, cut off, or larger than 16384 pixels in one direction.
    """
    if len(nal) < 4 or nal[0] >> 1 & 0x3F != SPS:
        raise BadRecord("The HEVC configuration holds no sequence parameter set.")
    if len(nal) > MAX_OCTETS:
        raise BadRecord("The HEVC sequence parameter set is too long.")
    bits = BitReader(without_emulation(nal[2:]))
    bits.read(4)  # sps_video_parameter_set_id
    above = bits.read(3)
    if above > 6:
        raise BadRecord("The HEVC configuration names an unknown number of layers.")
    nested = bits.flag()
    general = bits.read(96).to_bytes(12, "big")
    _skip_sub_layers(bits, above)
    bits.ue()  # sps_seq_parameter_set_id
    chroma_format = bits.ue()
    if chroma_format > 3:
        raise BadRecord("The HEVC configuration names an unknown chroma format.")
    if chroma_format == 3:
        bits.read(1)  # separate_colour_plane_flag
    width, height = bits.ue(), bits.ue()
    if width > MAX_SIDE or height > MAX_SIDE:
        raise BadRecord("The HEVC picture is larger than 16384 pixels.")
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (left + right) * (2 if chroma_format in (1, 2) else 1)
        height -= (top + bottom) * (2 if chroma_format == 1 else 1)
    if width < 1 or height < 1:
        raise BadRecord("The HEVC picture is cropped to nothing.")
    bit_depth, chroma_bit_depth = bits.ue() + 8, bits.ue() + 8
    if max(bit_depth, chroma_bit_depth) > MAX_DEPTH:
        raise BadRecord("The HEVC configuration names an unknown bit depth.")
    _skip_coding_tools(bits, above)
    colour, frame_rate = _vui(bits) if bits.flag() else (None, 0.0)
    return HevcSps(
        general, above + 1, nested, width, height, frame_rate, chroma_format, bit_depth,
        chroma_bit_depth, colour,
    )  # fmt: skip


def _skip_sub_layers(bits: BitReader, above: int) -> None:
    present = [(bits.flag(), bits.flag()) for _ in range(above)]
    if above:
        bits.read(2 * (8 - above))
    for profile, level in present:
        bits.read(88 * profile + 8 * level)


def _skip_coding_tools(bits: BitReader, above: int) -> None:
    """From log2_max_pic_order_cnt_lsb_minus4 to strong_intra_smoothing_enabled_flag."""
    order_bits = bits.ue() + 4
    if order_bits > 16:
        raise BadRecord("The HEVC configuration names an unknown picture order.")
    for _ in range(above + 1 if bits.flag() else 1):
        bits.ue()
        bits.ue()
        bits.ue()
    for _ in range(6):
        bits.ue()  # sizes of coding and transform blocks
    if bits.flag() and bits.flag():
        _skip_scaling_lists(bits)
    bits.read(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag():
        bits.read(8)
        bits.ue()
        bits.ue()
        bits.read(1)
    _skip_reference_sets(bits)
    if bits.flag():
        count = bits.ue()
        if count > MAX_LONG_TERM:
            raise BadRecord("The HEVC configuration holds too many reference pictures.")
        for _ in range(count):
            bits.read(order_bits + 1)
    bits.read(2)  # temporal motion vectors, strong intra smoothing


def _skip_scaling_lists(bits: BitReader) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.ue()  # a list like another
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << (4 + 2 * size))):
                bits.se()


def _skip_reference_sets(bits: BitReader) -> None:
    sets = bits.ue()
    if sets > MAX_REFERENCE_SETS:
        raise BadRecord("The HEVC configuration holds too many sets of reference pictures.")
    pictures = 0  # of the set before
    for number in range(sets):
        if number and bits.flag():
            bits.read(1)
            bits.ue()
            # A picture is left out only by two bits of 0.
            pictures = sum(bits.flag() or bits.flag() for _ in range(pictures + 1))
        else:
            pictures = bits.ue() + bits.ue()
            if pictures <= MAX_REFERENCES:
                for _ in range(pictures):
                    bits.ue()
                    bits.read(1)
        if pictures > MAX_REFERENCES:
            raise BadRecord("The HEVC configuration asks for too many reference pictures.")


def _vui(bits: BitReader) -> tuple[Colour | None, float]:
    """Colour and frame rate; what stands behind the timing is of no use here."""
    colour = read_appearance(bits)
    bits.read(3)  # neutral chroma, field_seq_flag, frame_field_info_present_flag
    if bits.flag():
        for _ in range(4):
            bits.ue()  # default display window
    if not bits.flag():
        return colour, 0.0
    units, scale = bits.read(32), bits.read(32)
    return colour, scale / units if units and scale else 0.0
