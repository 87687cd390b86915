"""Every codec that this server takes, by four-character code: a codec is added by adding its line.

The code is that of the sample entry (ISO/IEC 14496-12) and, where Enhanced RTMP has one, its
FourCC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from metropole_media.codecs.aac import parse_asc
from metropole_media.codecs.avc import parse_avcc, read_access_unit, with_sets
from metropole_media.codecs.model import AccessUnit, AudioConfig, VideoConfig


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """A video codec.

    Fields:
        fourcc: sample entry.
        title: for people.
        parse: reads the decoder configuration record (avcC, hvcC, av1C, vpcC payload); raises
            `CodecError` with a sentence.
        read: reads a frame: (its octets, the configuration, whether the container calls it a key
            frame). Never raises; what cannot be read is cut off.
        with_sets: the record that goes with parameter sets found inside a frame, the same object
            if nothing differs: (record, `AccessUnit.sets`); raises `CodecError`.
    """

    fourcc: str
    title: str
    parse: Callable[[bytes], VideoConfig]
    read: Callable[[memoryview, VideoConfig, bool], AccessUnit]
    with_sets: Callable[[bytes, list[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """An audio codec.

    Fields:
        fourcc: sample entry.
        title: for people.
        parse: reads the decoder configuration (AudioSpecificConfig, dOps payload); raises
            `CodecError` with a sentence.
        duration: samples in one packet at the track's rate, for codecs whose packets differ; None
            where `AudioConfig.samples_per_packet` says it.
    """

    fourcc: str
    title: str
    parse: Callable[[bytes], AudioConfig]
    duration: Callable[[memoryview], int] | None = None


VIDEO_CODECS: dict[str, VideoCodec] = {
    codec.fourcc: codec
    for codec in (
        VideoCodec(
            "avc1",
            "H.264",
            parse_avcc,
            lambda data, config, key: read_access_unit(data, config.nal_length_size, key),
            with_sets,
        ),
    )
}
AUDIO_CODECS: dict[str, AudioCodec] = {
    codec.fourcc: codec for codec in (AudioCodec("mp4a", "AAC", parse_asc),)
}
