"""Sample entries: what a decoder is told before the first frame.

One function a codec, in a table by four-character code: a codec is added by adding its line.
Sources: ISO/IEC 14496-12 section 8.5.2 (SampleEntry), 12.1.3 (VisualSampleEntry), 12.2.3
(AudioSampleEntry); 14496-15 sections 5.4.2 (avc1, avcC) and 8.4.1 (hvc1, hvcC); AV1 Codec ISO
Media File Format Binding section 2.2 (av01, av1C); VP Codec ISO Media File Format Binding (vp09,
vpcC); Encapsulation of Opus in ISO Base Media File Format section 4.3 (Opus, dOps); 14496-14
section 6.7 (mp4a, esds) with the descriptors of 14496-1 section 7.2.6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from metropole_media.codecs.opus import to_dops
from metropole_media.codecs.vp9 import vpcc
from metropole_media.fmp4.boxes import box, full_box
from metropole_media.fmp4.colour_boxes import colour_boxes
from metropole_media.live import Track

ES_DESCRIPTOR, DECODER_CONFIG, DECODER_SPECIFIC, SL_CONFIG = 3, 4, 5, 6
AUDIO_ISO_14496_3 = 0x40
AUDIO_STREAM = 0x15
"""Stream type 5 (audio), upStream 0, reserved 1."""
SL_PREDEFINED_MP4 = 2
COMPRESSOR_NAME = 32
PAL_72_DPI = 0x00480000
DEPTH_COLOUR = 0x0018


def _visual(kind: bytes, track: Track, configuration: bytes) -> bytes:
    return box(
        kind,
        struct.pack(">6xH", 1),  # data_reference_index
        struct.pack(">16xHH", track.width, track.height),
        struct.pack(">III", PAL_72_DPI, PAL_72_DPI, 0),
        struct.pack(">H", 1),  # frame_count
        bytes(COMPRESSOR_NAME),
        struct.pack(">Hh", DEPTH_COLOUR, -1),
        configuration,
        *colour_boxes(track.colour),
    )


def _audio(kind: bytes, track: Track, *boxes: bytes) -> bytes:
    # The rate is 16.16 and cannot say 88.2 or 96 kHz; the decoder configuration can.
    rate = track.sample_rate << 16 if track.sample_rate < 1 << 16 else 0
    return box(
        kind,
        struct.pack(">6xH", 1),  # data_reference_index
        struct.pack(">8xHH4xI", track.channels, 16, rate),
        *boxes,
    )


def _descriptor(tag: int, payload: bytes) -> bytes:
    """A descriptor with its length in four octets of seven bits, as most writers do."""
    size = len(payload)
    length = [size >> 21 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 7 & 0x7F | 0x80]
    return bytes([tag, *length, size & 0x7F]) + payload


def _avc1(track: Track) -> bytes:
    return _visual(b"avc1", track, box(b"avcC", track.config))


def _hvc1(track: Track) -> bytes:
    return _visual(b"hvc1", track, box(b"hvcC", track.config))


def _av01(track: Track) -> bytes:
    return _visual(b"av01", track, box(b"av1C", track.config))


def _vp09(track: Track) -> bytes:
    # The record brings version and flags of a full box along.
    return _visual(b"vp09", track, box(b"vpcC", vpcc(track.config)))


def _opus(track: Track) -> bytes:
    return _audio(b"Opus", track, box(b"dOps", to_dops(track.config)))


def _mp4a(track: Track) -> bytes:
    decoder = _descriptor(
        DECODER_CONFIG,
        # bufferSizeDB (24 bits), maxBitrate and avgBitrate: not known ahead.
        struct.pack(">BB11x", AUDIO_ISO_14496_3, AUDIO_STREAM)
        + _descriptor(DECODER_SPECIFIC, track.config),
    )
    stream = _descriptor(
        ES_DESCRIPTOR,
        struct.pack(">HB", 0, 0) + decoder + _descriptor(SL_CONFIG, bytes([SL_PREDEFINED_MP4])),
    )
    return _audio(b"mp4a", track, full_box(b"esds", 0, 0, stream))


SAMPLE_ENTRIES: dict[str, Callable[[Track], bytes]] = {
    "avc1": _avc1,
    "hvc1": _hvc1,
    "av01": _av01,
    "vp09": _vp09,
    "mp4a": _mp4a,
    "Opus": _opus,
}
"""By `Track.fourcc`."""


def sample_entry(track: Track) -> bytes:
    """The sample entry of a track.

    Raises:
        ValueError: there is none for this codec.
    """
    write = SAMPLE_ENTRIES.get(track.fourcc)
    if write is None:
        raise ValueError(f"no sample entry for {track.fourcc}")
    return write(track)
