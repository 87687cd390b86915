"""From audio and video messages to the tracks and packets of a `LiveStream`.

Frames wait until the tracks are known, so that followers hear of picture and sound together:
until every kind of track that the metadata promises has its configuration, at most one second of
the source's time, 256 frames or 8 MiB, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metropole_media.codecs.aac import parse_asc
from metropole_media.codecs.avc import parse_avcc, read_access_unit, with_sets
from metropole_media.codecs.errors import CodecError
from metropole_media.live import Packet, Track
from metropole_media.rtmp import flv
from metropole_media.rtmp.errors import BadTag
from metropole_media.rtmp.events import Event, Notice, TracksKnown
from metropole_media.rtmp.messages import VIDEO, Message
from metropole_media.rtmp.timeline import Timeline

VIDEO_TRACK, AUDIO_TRACK = 0, 100
TIMESCALE = 1000
WAIT_MS = 1000
WAIT_FRAMES = 256
WAIT_OCTETS = 8 * 1024 * 1024
MAX_OFFSET = 10_000
"""Milliseconds between a frame's decoding and its showing; sixteen frames are all that H.264 can
hold back."""
PATIENCE = 64
"""Frames in a row that cannot be used before it is told."""

NO_VIDEO_CONFIG = (
    "The encoder sends video but never said how to decode it (no sequence header): "
    "viewers see no picture. Stop the encoder and start it again."
)
NO_AUDIO_CONFIG = (
    "The encoder sends audio but never said how to decode it (no sequence header): "
    "viewers hear nothing. Stop the encoder and start it again."
)
STANDING = (
    "The time stamps of the encoder stand still, so that its stream cannot be played properly: "
    "stop the encoder and start it again."
)
UNREADABLE = (
    "The encoder sends video frames that cannot be read. They are left out; "
    "if viewers see a broken picture, stop the encoder and start it again."
)


class Assembly:
    """The source of one publisher."""

    __slots__ = (
        "_audio", "_frame_rate", "_header", "_nal_length_size", "_promised", "_ready", "_timeline",
        "_told", "_unusable", "_video", "_waiting", "_waiting_octets",
    )  # fmt: skip

    def __init__(self) -> None:
        self._video: Track | None = None
        self._audio: Track | None = None
        # The last sequence header of the video: what came inside a frame may have replaced it.
        self._header = b""
        self._nal_length_size = 4
        self._frame_rate = 0.0
        self._promised: frozenset[str] | None = None
        self._ready = False
        self._timeline = Timeline()
        self._waiting: list[Packet] = []
        self._waiting_octets = 0
        self._unusable = {True: 0, False: 0}
        self._told: set[str] = set()

    def metadata(self, values: Mapping[str, object]) -> None:
        """Take an onMetaData: hints which tracks will come, and the frame rate."""
        promised = {
            kind
            for kind, name in (("video", "videocodecid"), ("audio", "audiocodecid"))
            if values.get(name) not in (None, 0.0, "")
        }
        self._promised = frozenset(promised) or None
        rate = values.get("framerate")
        if isinstance(rate, float) and 0 < rate <= 1000:
            self._frame_rate = rate

    def take(self, message: Message, out: list[Event]) -> None:
        """Read one audio or video message and append what follows from it.

        Raises:
            BadTag: the message cannot be read, or a codec configuration is wrong.
            UnsupportedCodec: the sentence names it and says what to set.
        """
        video = message.type == VIDEO
        tag = flv.read_video(message.payload) if video else flv.read_audio(message.payload)
        if tag.kind is flv.Kind.FRAME:
            self._frame(video, message.timestamp, tag, out)
        elif tag.kind is flv.Kind.CONFIG and len(tag.payload):
            self._configure(video, bytes(tag.payload), out)

    def _configure(self, video: bool, config: bytes, out: list[Event]) -> None:
        if video:
            if config == self._header:
                return
            self._header = config
        elif self._audio is not None and self._audio.config == config:
            return
        try:
            if video:
                self._video = self._video_track(config)
            else:
                self._audio = _audio_track(config)
        except CodecError as error:
            raise BadTag(str(error)) from error
        if self._ready:
            self._announce(out)

    def _video_track(self, config: bytes) -> Track:
        avc = parse_avcc(config)
        self._nal_length_size = avc.nal_length_size
        return Track(
            VIDEO_TRACK, "video", "avc1", avc.codec, TIMESCALE, config,
            width=avc.width, height=avc.height, frame_rate=avc.frame_rate,
        )  # fmt: skip

    def _frame(self, video: bool, timestamp: int, tag: flv.Tag, out: list[Event]) -> None:
        data, key, offset = tag.payload, True, 0
        if not len(data):
            return
        if (self._video if video else self._audio) is None:
            self._unusable[video] += 1
            if self._unusable[video] >= PATIENCE:
                self._tell(NO_VIDEO_CONFIG if video else NO_AUDIO_CONFIG, out)
            return
        if video:
            unit = read_access_unit(data, self._nal_length_size, tag.key)
            if not unit.whole:
                self._tell(UNREADABLE, out)
            if unit.sets:
                self._take_sets(unit.sets, out)
            if not unit.picture:
                return
            data, key = unit.data, unit.key
            offset = tag.offset if abs(tag.offset) <= MAX_OFFSET else 0
        track = VIDEO_TRACK if video else AUDIO_TRACK
        dts = self._timeline.place(track, timestamp)
        if self._timeline.stood:
            self._tell(STANDING, out)
        packet = Packet(track, dts, dts + offset, key, data)
        if self._ready:
            out.append(packet)
            return
        self._waiting.append(packet)
        self._waiting_octets += len(data)
        if (
            self._complete()
            or dts - self._waiting[0].dts >= WAIT_MS
            or len(self._waiting) >= WAIT_FRAMES
            or self._waiting_octets >= WAIT_OCTETS
        ):
            self._announce(out)

    def _take_sets(self, sets: list[bytes], out: list[Event]) -> None:
        """Parameter sets stand inside a frame: with others than were described, the encoder has
        changed its settings without a sequence header."""
        assert self._video is not None
        try:
            config = with_sets(self._video.config, sets)
            if config == self._video.config:
                return
            self._video = self._video_track(config)
        except CodecError:
            return  # what was described before still holds
        if self._ready:
            self._announce(out)

    def _tell(self, sentence: str, out: list[Event]) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            out.append(Notice(sentence))

    def _complete(self) -> bool:
        if self._video is not None and self._audio is not None:
            return True
        if self._promised is None:
            return False
        return not (
            ("video" in self._promised and self._video is None)
            or ("audio" in self._promised and self._audio is None)
        )

    def _announce(self, out: list[Event]) -> None:
        video = self._video
        if video is not None and not video.frame_rate:
            video = replace(video, frame_rate=self._frame_rate)
        out.append(TracksKnown(tuple(track for track in (video, self._audio) if track)))
        if not self._ready:
            self._ready = True
            out.extend(self._waiting)
            self._waiting = []
            self._waiting_octets = 0


def _audio_track(config: bytes) -> Track:
    aac = parse_asc(config)
    return Track(
        AUDIO_TRACK, "audio", "mp4a", aac.codec, TIMESCALE, config,
        sample_rate=aac.sample_rate, channels=aac.channels,
        samples_per_packet=aac.samples_per_packet,
    )  # fmt: skip
