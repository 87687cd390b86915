"""Silence, encoded: what fills a hole in the sound.

A browser stops at a hole in the sound as it does at one in the picture.
"""

from __future__ import annotations

from metropole_media.live import Track

AAC_LC = {
    1: bytes.fromhex("00c800802380"),
    2: bytes.fromhex("210049900219002380"),
}
"""One raw_data_block by channels (ISO/IEC 14496-3 section 4.4.2.1): a single channel element or
a channel pair element without a scale factor band, so the same at any sampling rate."""


def silent_packet(track: Track) -> bytes:
    """A packet of silence for an audio track, empty when there is none for its codec."""
    if track.codec != "mp4a.40.2":
        return b""
    return AAC_LC.get(track.channels, b"")
