"""What codecs say about a stream, whatever the codec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VideoRange = Literal["SDR", "PQ", "HLG"]
BT_2020, SMPTE_2084, ARIB_B67 = 9, 16, 18


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples become light, as code points of ITU-T H.273.

    Fields:
        primaries, transfer, matrix: ColourPrimaries, TransferCharacteristics, MatrixCoefficients.
        full_range: samples use all values.
        mastering: payload of an `mdcv` box (24 octets: mastering display), empty without.
        light: payload of a `clli` box (4 octets: content light level), empty without.
    """

    primaries: int
    transfer: int
    matrix: int
    full_range: bool = False
    mastering: bytes = b""
    light: bytes = b""

    @property
    def video_range(self) -> VideoRange:
        """VIDEO-RANGE of RFC 8216bis section 4.4.6.2."""
        return {SMPTE_2084: "PQ", ARIB_B67: "HLG"}.get(self.transfer, "SDR")  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """What an encoder says about its video.

    Fields:
        codec: RFC 6381 string, exact.
        width, height: pixels after cropping; 0 as long as only a key frame can say it.
        frame_rate: frames a second as the codec says it, 0.0 when it does not.
        nal_length_size: octets of the length in front of each NAL unit (1, 2 or 4); 0 where
            frames are not made of NAL units.
        chroma_format: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        bit_depth: of luma.
        colour: None when the codec does not say.
        start: what a key frame must begin with and sometimes lacks (AV1: the sequence header).
    """

    codec: str
    width: int
    height: int
    frame_rate: float
    nal_length_size: int
    chroma_format: int
    bit_depth: int
    colour: Colour | None = None
    start: bytes = b""


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """What an encoder says about its audio.

    Fields:
        codec: RFC 6381 string, exact.
        sample_rate: Hz as played.
        channels: count as played.
        samples_per_packet: at `sample_rate`; 0 when it varies from packet to packet.
    """

    codec: str
    sample_rate: int
    channels: int
    samples_per_packet: int


@dataclass(slots=True)
class AccessUnit:
    """A frame, read.

    Fields:
        data: what of it can be read.
        whole: whether that is all of it.
        picture: whether it holds (a slice of) a picture.
        key: whether decoding can begin here.
        sets: parameter sets inside, for `VideoCodec.with_sets` (for AV1 the sequence header, for
            VP9 the head of a key frame).
    """

    data: memoryview
    whole: bool
    picture: bool
    key: bool
    sets: list[bytes]
