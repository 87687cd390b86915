"""Silence, encoded: what fills a hole in the sound.

A browser stops at a hole in the sound as it does at one in the picture.
"""

from __future__ import annotations

from metropole_media.codecs.errors import CodecError
from metropole_media.codecs.opus import streams
from metropole_media.live import Track

AAC_LC = {
    1: bytes.fromhex("00c800802380"),
    2: bytes.fromhex("210049900219002380"),
}
"""One raw_data_block by channels (ISO/IEC 14496-3 section 4.4.2.1): a single channel element or
a channel pair element without a scale factor band, so the same at any sampling rate."""
OPUS_MONO, OPUS_STEREO = 0xF8, 0xFC
"""TOC of 20 ms (RFC 6716 section 3.1): CELT over the full band, one frame."""
OPUS_FRAME = b"\xff\xfe"
"""Its range coder reads the flag "silence" first (section 4.3)."""


def silent_packet(track: Track) -> bytes:
    """A packet of silence for an audio track, empty when there is none for its codec."""
    if track.codec == "mp4a.40.2":
        return AAC_LC.get(track.channels, b"")
    if track.fourcc == "Opus":
        return _silent_opus(track.config)
    return b""


def _silent_opus(config: bytes) -> bytes:
    """A packet for each stream; all but the last say their length (RFC 6716 appendix B)."""
    try:
        count, coupled = streams(config)
    except CodecError:
        return b""
    heads = [OPUS_STEREO] * coupled + [OPUS_MONO] * (count - coupled)
    delimited = [bytes((head, len(OPUS_FRAME))) + OPUS_FRAME for head in heads[:-1]]
    return b"".join(delimited) + bytes((heads[-1],)) + OPUS_FRAME
