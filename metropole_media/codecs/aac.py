"""AAC: the AudioSpecificConfig.

Source: ISO/IEC 14496-3 section 1.6.2.1 (AudioSpecificConfig), 4.4.1 (GASpecificConfig),
RFC 6381 section 3.3.
"""

from __future__ import annotations

from metropole_media.codecs.bits import BitReader
from metropole_media.codecs.errors import BadRecord, UnsupportedProfile
from metropole_media.codecs.model import AudioConfig

MAX_RECORD = 1024
RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
"""Channels by channelConfiguration (Table 1.19)."""

AAC_LC, SBR, PS, ESCAPE = 2, 5, 29, 31
EXPLICIT_RATE = 15


def parse_asc(config: bytes) -> AudioConfig:
    """Read an AudioSpecificConfig.

    Raises:
        BadRecord: cut off or senseless.
        UnsupportedProfile: another object type than AAC-LC or HE-AAC, or channels that only a
            program config element describes.
    """
    if len(config) > MAX_RECORD:
        raise BadRecord("The AAC configuration is too long.")
    bits = BitReader(config)
    kind = _object_type(bits)
    rate = core_rate = _rate(bits)
    layout = bits.read(4)
    name, core = kind, kind
    if kind in (SBR, PS):
        rate = _rate(bits)
        core = _object_type(bits)
    if core != AAC_LC:
        raise UnsupportedProfile(
            f"The audio is AAC of object type {core}: set the audio encoder to AAC-LC."
        )
    if layout not in CHANNELS:
        raise UnsupportedProfile(
            "The channel layout of the audio is not supported: set the audio to stereo."
        )
    core_samples = 960 if bits.flag() else 1024
    if core_rate == 0 or rate % core_rate:
        raise BadRecord("The AAC configuration holds sampling rates that do not fit together.")
    return AudioConfig(
        codec=f"mp4a.40.{name}",
        sample_rate=rate,
        channels=2 if kind == PS and layout == 1 else CHANNELS[layout],
        samples_per_packet=core_samples * (rate // core_rate),
    )


def _object_type(bits: BitReader) -> int:
    kind = bits.read(5)
    return 32 + bits.read(6) if kind == ESCAPE else kind


def _rate(bits: BitReader) -> int:
    index = bits.read(4)
    if index == EXPLICIT_RATE:
        rate = bits.read(24)
        if not 7350 <= rate <= 96000:
            raise BadRecord(f"The AAC sampling rate of {rate} Hz is out of range.")
        return rate
    if index >= len(RATES):
        raise BadRecord("The AAC configuration names an unknown sampling rate.")
    return RATES[index]
