"""Every codec that this server takes, by four-character code: a codec is added by adding its line.

The code is that of the sample entry (ISO/IEC 14496-12) and, where Enhanced RTMP has one, its
FourCC. The record of a codec (`Track.config`) is what an encoder sends as its configuration, octet
for octet; for Opus both forms are taken that there are.

AV1 and VP9 may leave the size of the picture to the first key frame. Whoever makes a `Track`:

- `config = codec.parse(record)`; with a width of 0 the track is not known yet.
- For each frame `unit = codec.read(data, config, flagged)`; `unit.data` is handed on, and thrown
  away if it is empty.
- When `unit.sets` is not empty, `record = codec.with_sets(record, unit.sets)`; if that is another
  record, `config = codec.parse(record)`, and the track is announced (again) before the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from metropole_media.codecs.aac import parse_asc
from metropole_media.codecs.av1 import parse_av1c, read_temporal_unit, with_av1_sets
from metropole_media.codecs.avc import parse_avcc, read_access_unit, with_sets
from metropole_media.codecs.hevc import parse_hvcc, read_hevc, with_hevc_sets
from metropole_media.codecs.model import AccessUnit, AudioConfig, VideoConfig
from metropole_media.codecs.opus import opus_duration, parse_opus
from metropole_media.codecs.vp9 import parse_vpcc, read_vp9, with_vp9_sets


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
        parse: reads the decoder configuration (AudioSpecificConfig, OpusHead or dOps payload);
            raises `CodecError` with a sentence.
        duration: samples in one packet at the track's rate, for codecs whose packets differ, 0 for
            one that cannot be read; None where `AudioConfig.samples_per_packet` says it.
    """

    fourcc: str
    title: str
    parse: Callable[[bytes], AudioConfig]
    duration: Callable[[bytes | bytearray | memoryview], int] | None = None


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
        VideoCodec(
            "hvc1",
            "HEVC (H.265)",
            parse_hvcc,
            lambda data, config, key: read_hevc(data, config.nal_length_size),
            with_hevc_sets,
        ),
        VideoCodec(
            "av01",
            "AV1",
            parse_av1c,
            lambda data, config, key: read_temporal_unit(data, config),
            with_av1_sets,
        ),
        VideoCodec(
            "vp09",
            "VP9",
            parse_vpcc,
            lambda data, config, key: read_vp9(data),
            with_vp9_sets,
        ),
    )
}
AUDIO_CODECS: dict[str, AudioCodec] = {
    codec.fourcc: codec
    for codec in (
        AudioCodec("mp4a", "AAC", parse_asc),
        AudioCodec("Opus", "Opus", parse_opus, opus_duration),
    )
}
