"""Whether an audio packet is silence, from how it is coded: nothing is decoded.

An encoder that gets nothing but zeros codes a frame whose spectrum is empty, and says so in its
first bits. That is what a muted microphone sends; a quiet room is not silence.
"""

from __future__ import annotations

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import CodecError
from metropole_media.live import Track

SCE, CPE, FIL = 0, 1, 6
EIGHT_SHORT = 2
ZERO = 0
"""Codebook of bands without energy."""
OPUS_EMPTY = 3
"""Octets of an Opus packet that holds no sound: discontinued, or the frame `fc ff fe`."""


def can_tell(track: Track) -> bool:
    """Whether silence shows in packets of that track."""
    return track.fourcc == "Opus" or (track.codec == "mp4a.40.2" and track.channels in (1, 2))


def is_silent(track: Track, data: bytes | bytearray | memoryview) -> bool:
    """Whether a packet of a track that `can_tell` is nothing but silence."""
    if track.fourcc == "Opus":
        return len(data) <= OPUS_EMPTY or bytes(data[1:3]) == b"\xff\xfe"
    try:
        return _aac_is_silent(BitReader(bytes(data[:64])))
    except CodecError:
        return False


def _aac_is_silent(bits: BitReader) -> bool:
    """The first element of a raw_data_block: ISO/IEC 14496-3 sections 4.4.2.1 and 4.4.2.7."""
    element = bits.read(3)
    while element == FIL:
        count = bits.read(4)
        if count == 15:
            count += bits.read(8) - 1
        bits.read(8 * count)
        element = bits.read(3)
    bits.read(4)
    if element == SCE:
        return _channel_is_silent(bits, None)
    if element != CPE:
        return False
    shared = None
    if bits.flag():
        shared = _window(bits)
        if bits.read(2) == 1:
            bits.read(shared[0] * shared[1])
    if not _channel_is_silent(bits, shared):
        return False
    # Nothing follows in a channel without energy but pulse, noise shaping and gain control.
    return bits.read(3) == 0 and _channel_is_silent(bits, shared)


def _channel_is_silent(bits: BitReader, shared: tuple[int, int, bool] | None) -> bool:
    """individual_channel_stream as far as its section_data (section 4.4.2.7, Table 4.50)."""
    bits.read(8)
    bands, groups, short = shared or _window(bits)
    width = 3 if short else 5
    most = (1 << width) - 1
    for _ in range(groups):
        band = 0
        while band < bands:
            if bits.read(4) != ZERO:
                return False
            length = bits.read(width)
            band += length
            while length == most:
                length = bits.read(width)
                band += length
    return True


def _window(bits: BitReader) -> tuple[int, int, bool]:
    """ics_info: bands, groups of windows, and whether they are short (Table 4.6)."""
    bits.read(1)
    short = bits.read(2) == EIGHT_SHORT
    bits.read(1)
    if short:
        return bits.read(4), 1 + 7 - bits.read(7).bit_count(), True
    bands = bits.read(6)
    bits.read(1)
    return bands, 1, False
