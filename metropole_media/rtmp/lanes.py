"""One track of an encoder: what its configuration and its frames make of it."""

from __future__ import annotations

from metropole_media.codecs.colour import colour_from_flv, merged
from metropole_media.codecs.errors import CodecError
from metropole_media.codecs.model import AccessUnit, Colour, VideoConfig
from metropole_media.codecs.table import AUDIO_CODECS, VIDEO_CODECS, VideoCodec
from metropole_media.live import Track
from metropole_media.rtmp import amf0, refusals
from metropole_media.rtmp.errors import BadMessage, BadTag

TIMESCALE = 1000
MAX_COLOUR = 4096
"""Octets of what an encoder says about colour; OBS says it in 400."""


class VideoLane:
    """A video track.

    Arguments:
        number: `Track.id`.

    Fields:
        track: None until picture size and codec are known.
        waits: a configuration came, but how large the picture is, its first key frame will say.
        begun: a frame was read, and with it what it says about the track.
    """

    __slots__ = (
        "_codec", "_colour", "_config", "_header", "_record", "_sets", "begun", "id", "track",
        "unusable", "waits",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.id = number
        self.track: Track | None = None
        self.waits = self.begun = False
        self.unusable = 0
        """Frames that came before any configuration of their codec."""
        self._codec: VideoCodec | None = None
        self._config: VideoConfig | None = None
        self._colour: Colour | None = None
        # The last sequence header: what came inside a frame may have replaced it.
        self._header = ("", b"")
        self._record = b""
        # Those of a frame that were read last, for this record.
        self._sets: list[bytes] = []

    def configure(self, fourcc: str, record: bytes) -> bool:
        """Take a sequence header.

        Returns:
            Whether the track is another one now.

        Raises:
            BadTag: it cannot be used.
            UnsupportedCodec: the codec is not taken.
        """
        codec = VIDEO_CODECS.get(fourcc)
        if codec is None:
            raise refusals.video(fourcc)
        if (fourcc, record) == self._header:
            return False
        self._header = (fourcc, record)
        self._sets = []
        try:
            return self._describe(codec, record)
        except CodecError as error:
            raise BadTag(str(error)) from error

    def read(self, fourcc: str, data: memoryview, key: bool) -> AccessUnit | None:
        """Read a frame; None as long as there is no configuration for it.

        Raises:
            UnsupportedCodec: the codec is not taken.
        """
        codec = self._codec
        if codec is None or self._config is None or codec.fourcc != fourcc:
            if fourcc not in VIDEO_CODECS:
                raise refusals.video(fourcc)
            self.unusable += 1
            return None
        self.begun = True
        return codec.read(data, self._config, key)

    def knows(self, sets: list[bytes]) -> bool:
        """Whether the same parameter sets stood inside the frame before."""
        return sets == self._sets

    def take_sets(self, sets: list[bytes]) -> bool:
        """Parameter sets stand inside a frame: with others than were described, the encoder has
        changed its settings without a sequence header. Whether the track is another one now."""
        assert self._codec is not None
        self._sets = sets
        try:
            record = self._codec.with_sets(self._record, sets)
            return record != self._record and self._describe(self._codec, record)
        except CodecError:
            return False  # what was described before still holds

    def take_colour(self, metadata: memoryview) -> bool:
        """Read what the encoder says about colour beside its frames; it counts where the frames
        say nothing. Whether the track is another one now."""
        if len(metadata) > MAX_COLOUR:
            return False
        try:
            name, said, *_ = *amf0.decode(bytes(metadata)), None, None
        except BadMessage:
            return False  # colour is no reason to end a stream
        if name != "colorInfo":
            return False
        self._colour = colour_from_flv(said) if isinstance(said, dict) else None
        if self._config is None or self.track is None or self.waits:
            return False
        before, self.track = self.track, self._track(self._config)
        return before != self.track

    def _describe(self, codec: VideoCodec, record: bytes) -> bool:
        config = codec.parse(record)
        self._codec, self._record, self._config = codec, record, config
        self.waits = not (config.width and config.height)
        if self.waits:
            return False
        before, self.track = self.track, self._track(config)
        return before != self.track

    def _track(self, config: VideoConfig) -> Track:
        assert self._codec is not None
        return Track(
            self.id, "video", self._codec.fourcc, config.codec, TIMESCALE, self._record,
            width=config.width, height=config.height,
            frame_rate=config.frame_rate,
            bit_depth=config.bit_depth, colour=merged(config.colour, self._colour),
        )  # fmt: skip


class AudioLane:
    """An audio track.

    Arguments:
        number: `Track.id`.

    Fields:
        track: None until its configuration came.
    """

    __slots__ = ("_header", "id", "track", "unusable")

    def __init__(self, number: int) -> None:
        self.id = number
        self.track: Track | None = None
        self.unusable = 0
        self._header = b""

    def configure(self, fourcc: str, record: bytes) -> bool:
        """Take a sequence header.

        Returns:
            Whether the track is another one now.

        Raises:
            BadTag: it cannot be used.
            UnsupportedCodec: the codec is not taken.
        """
        codec = AUDIO_CODECS.get(fourcc)
        if codec is None:
            raise refusals.audio(fourcc)
        if self.track is not None and (self.track.fourcc, self._header) == (fourcc, record):
            return False
        self._header = record
        try:
            audio = codec.parse(record)
        except CodecError as error:
            raise BadTag(str(error)) from error
        before = self.track
        self.track = Track(
            self.id, "audio", fourcc, audio.codec, TIMESCALE, record,
            sample_rate=audio.sample_rate, channels=audio.channels,
            samples_per_packet=audio.samples_per_packet,
        )  # fmt: skip
        return before != self.track

    def usable(self, fourcc: str) -> bool:
        """Whether there is a configuration for a frame of that codec.

        Raises:
            UnsupportedCodec: the codec is not taken.
        """
        if self.track is not None and self.track.fourcc == fourcc:
            return True
        if fourcc not in AUDIO_CODECS:
            raise refusals.audio(fourcc)
        self.unusable += 1
        return False
