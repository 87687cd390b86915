"""Opus: its configuration in both forms that there are, and how long a packet lasts.

Encoders send an identification header ("OpusHead", little endian); an ISO base media file holds
the same as the payload of a dOps box (big endian). Functions here take either.

Source: RFC 7845 section 5.1 (identification header, channel mapping), RFC 6716 section 3.1 (TOC),
"Encapsulation of Opus in ISO Base Media File Format" section 4.3.2 (OpusSpecificBox).
"""

from __future__ import annotations

import struct

from metropole_media.codecs.errors import BadRecord, UnsupportedProfile
from metropole_media.codecs.model import AudioConfig

RATE = 48_000
"""Opus is decoded at that rate, whatever went into it."""
MAGIC = b"OpusHead"
FIELDS = "BHIhB"
"""Channels, pre-skip, rate of the input, gain, mapping family."""
HEAD_FIELDS, BOX_FIELDS = struct.Struct("<" + FIELDS), struct.Struct(">" + FIELDS)
MAX_CHANNELS = 8
MAX_RECORD = 1024
LONGEST_PACKET = 120 * RATE // 1000
SILK, HYBRID, CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
FRAME_SAMPLES = SILK * 3 + HYBRID * 2 + CELT * 4
"""Samples of a frame by `config`, the upper five bits of a packet."""


def parse_opus(config: bytes) -> AudioConfig:
    """Read an identification header or the payload of a dOps box.

    Raises:
        BadRecord: cut off or senseless.
        UnsupportedProfile: channels without a place (a mapping family other than 0 and 1).
    """
    channels = to_dops(config)[1]
    return AudioConfig(codec="opus", sample_rate=RATE, channels=channels, samples_per_packet=0)


def to_dops(config: bytes) -> bytes:
    """The payload of a dOps box. Raises as `parse_opus`."""
    if len(config) > MAX_RECORD:
        raise BadRecord("The Opus configuration is too long.")
    if config[: len(MAGIC)] == MAGIC:
        version, fields, rest = 1, HEAD_FIELDS, config[len(MAGIC) :]
    else:
        version, fields, rest = 0, BOX_FIELDS, config
    if len(rest) < 1 + fields.size:
        raise BadRecord("The Opus configuration is cut off.")
    if rest[0] >> 4 or (version == 0 and rest[0]):
        raise BadRecord(f"The Opus configuration has the unknown version {rest[0]}.")
    values = fields.unpack_from(rest, 1)
    channels, family = values[0], values[4]
    table = rest[1 + fields.size :]
    if family == 0 and channels in (1, 2):
        table = b""
    elif family == 1 and 1 <= channels <= MAX_CHANNELS:
        table = _mapping(table, channels)
    elif family > 1:
        raise UnsupportedProfile(
            "The channel layout of the Opus sound is not supported: set the audio to stereo."
        )
    else:
        raise BadRecord("The Opus configuration holds a wrong number of channels.")
    return b"\0" + BOX_FIELDS.pack(*values) + table


def to_head(config: bytes) -> bytes:
    """The identification header, which decoders want. Raises as `parse_opus`."""
    box = to_dops(config)
    values = BOX_FIELDS.unpack_from(box, 1)
    return MAGIC + b"\1" + HEAD_FIELDS.pack(*values) + box[1 + BOX_FIELDS.size :]


def streams(config: bytes) -> tuple[int, int]:
    """How many streams a packet holds, and how many of them, the first ones, are stereo. Raises as
    `parse_opus`."""
    box = to_dops(config)
    mapping = box[1 + BOX_FIELDS.size :]
    return (mapping[0], mapping[1]) if mapping else (1, box[1] - 1)


def opus_duration(packet: bytes | bytearray | memoryview) -> int:
    """Samples at 48 kHz in a packet, 0 when it cannot be read. Never more than 120 ms.

    The same for packets of several streams: all of them last equally long, and the first one
    stands at the beginning.
    """
    if not len(packet):
        return 0
    frame, code = FRAME_SAMPLES[packet[0] >> 3], packet[0] & 3
    if code < 3:
        return frame * (1 if code == 0 else 2)
    count = packet[1] & 0x3F if len(packet) > 1 else 0
    return frame * count if frame * count <= LONGEST_PACKET else 0


def _mapping(table: bytes, channels: int) -> bytes:
    """The channel mapping table, if it is whole and makes sense."""
    if len(table) < 2 + channels:
        raise BadRecord("The Opus configuration is cut off.")
    table = table[: 2 + channels]
    streams, coupled = table[0], table[1]
    decoded = streams + coupled
    if not streams or coupled > streams or any(n >= decoded and n != 255 for n in table[2:]):
        raise BadRecord("The Opus configuration holds a channel mapping that does not fit.")
    return table
