"""From audio and video messages to the tracks and packets of a `LiveStream`.

Frames wait until the tracks are known, so that followers hear of picture and sound together:
until every track that the metadata promises has its configuration and every picture its first
frame (which may hold other settings than the configuration: SVT-AV1), at most one second of the
source's time, 256 frames or 8 MiB, whichever comes first. Encoders of several tracks send all
configurations before the first frame.

Each description makes all followers begin anew, so their number has a bound. A track that changes
more often is left out until the newest description may be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from metropole_media.live import Packet, Track
from metropole_media.rtmp import flv, refusals
from metropole_media.rtmp.allowance import Allowance
from metropole_media.rtmp.events import Event, Notice, TracksKnown
from metropole_media.rtmp.hints import FIRST_AUDIO, MAX_AUDIO, MAX_VIDEO, Hints, read_hints
from metropole_media.rtmp.lanes import AudioLane, VideoLane
from metropole_media.rtmp.messages import VIDEO, Message
from metropole_media.rtmp.tags import Kind, Tag
from metropole_media.rtmp.timeline import Timeline

WAIT_MS = 1000
WAIT_FRAMES = 256
WAIT_OCTETS = 8 * 1024 * 1024
MAX_OFFSET = 10_000
"""Milliseconds between a frame's decoding and its showing; sixteen frames are all that H.264 and
HEVC can hold back."""
PATIENCE = 64
"""Frames of a track that cannot be used before it is told."""

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

JUMPING = (
    "The time stamps of the encoder jumped. The stream goes on without a hole; "
    "if this comes again and again, stop the encoder and start it again."
)
JUMPS_MS = 10_000
"""Milliseconds of stream between two words about jumps."""
CHANGING = (
    "The encoder changes its settings again and again: the picture stands still in between. "
    "Stop the encoder and start it again."
)
CHANGES_AT_ONCE, CHANGE_SECONDS = 32, 1.0
"""New descriptions of the tracks; an encoder with all tracks may change each by itself."""
MANY_CHANGES, CHANGE_SECONDS_LATER = 300, 30.0
READING = 25
"""Frames that cost as much as a configuration that is read."""
WORDS_AT_ONCE, WORD_SECONDS = 6, 10.0
"""Words about jumps, whatever the time stamps say."""
CODES = {
    NO_VIDEO_CONFIG: "no_video_config",
    NO_AUDIO_CONFIG: "no_audio_config",
    STANDING: "timestamps_stand",
    UNREADABLE: "frames_unreadable",
    CHANGING: "settings_change",
}
"""For programs."""


class Assembly:
    """The source of one publisher.

    Arguments:
        clock: monotonic seconds.

    Fields:
        frames: how many came; see `RtmpLimits.frames_per_read`.
    """

    __slots__ = (
        "_audios", "_changed", "_changes", "_described", "_hints", "_jumps", "_jumps_at", "_ready",
        "_timeline", "_told", "_videos", "_waiting", "_waiting_octets", "_words", "frames",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float]) -> None:
        self.frames = 0
        self._videos: dict[int, VideoLane] = {}
        self._audios: dict[int, AudioLane] = {}
        self._hints = Hints()
        self._ready = False
        # A track became another one, which is told before the next frame.
        self._changed = False
        self._timeline = Timeline()
        self._waiting: list[Packet] = []
        self._waiting_octets = 0
        self._told: set[str] = set()
        self._jumps, self._jumps_at = 0, -JUMPS_MS
        # As they were announced.
        self._described: dict[int, Track] = {}
        self._changes = Allowance(
            clock,
            at_once=CHANGES_AT_ONCE,
            seconds=CHANGE_SECONDS,
            many=MANY_CHANGES,
            seconds_later=CHANGE_SECONDS_LATER,
        )
        self._words = Allowance(
            clock,
            at_once=WORDS_AT_ONCE,
            seconds=WORD_SECONDS,
            many=MANY_CHANGES,
            seconds_later=WORD_SECONDS,
        )

    def metadata(self, values: Mapping[str, object]) -> None:
        """Take an onMetaData: hints which tracks will come, and the frame rate."""
        self._hints = read_hints(values)

    def take(self, message: Message, out: list[Event]) -> None:
        """Read one audio or video message and append what follows from it.

        Raises:
            BadTag: the message cannot be read, or a codec configuration is wrong.
            UnsupportedCodec: the sentence names it and says what to set.
        """
        if message.type == VIDEO:
            for tag in flv.read_video(message.payload):
                self.frames += 1
                self._video(self._video_lane(tag.track), tag, message.timestamp, out)
        else:
            for tag in flv.read_audio(message.payload):
                self.frames += 1
                self._audio(self._audio_lane(tag.track), tag, message.timestamp, out)

    def _video_lane(self, number: int) -> VideoLane:
        lane = self._videos.get(number)
        if lane is None:
            if number >= MAX_VIDEO:
                raise refusals.many_videos(MAX_VIDEO)
            lane = self._videos[number] = VideoLane(number)
        return lane

    def _audio_lane(self, number: int) -> AudioLane:
        lane = self._audios.get(number)
        if lane is None:
            if number >= MAX_AUDIO:
                raise refusals.many_audios(MAX_AUDIO)
            lane = self._audios[number] = AudioLane(FIRST_AUDIO + number)
        return lane

    def _video(self, lane: VideoLane, tag: Tag, timestamp: int, out: list[Event]) -> None:
        if not len(tag.payload):
            return
        if tag.kind is Kind.CONFIG:
            self.frames += READING
            self._changed |= lane.configure(tag.fourcc, bytes(tag.payload))
            return
        if tag.kind is Kind.COLOUR:
            self.frames += READING
            self._changed |= lane.take_colour(tag.payload)
            return
        unit = lane.read(tag.fourcc, tag.payload, tag.key)
        if unit is None:
            if lane.unusable >= PATIENCE:
                self._tell(NO_VIDEO_CONFIG, out)
            return
        if not unit.whole:
            self._tell(UNREADABLE, out)
        if unit.sets and not lane.knows(unit.sets):
            self.frames += READING
            self._changed |= lane.take_sets(unit.sets)
        if unit.picture and len(unit.data) and not lane.waits:
            offset = tag.offset if abs(tag.offset) <= MAX_OFFSET else 0
            self._frame(lane, timestamp, offset, unit.key, unit.data, out)

    def _audio(self, lane: AudioLane, tag: Tag, timestamp: int, out: list[Event]) -> None:
        if not len(tag.payload):
            return
        if tag.kind is Kind.CONFIG:
            self.frames += READING
            self._changed |= lane.configure(tag.fourcc, bytes(tag.payload))
        elif lane.usable(tag.fourcc):
            self._frame(lane, timestamp, 0, True, tag.payload, out)
        elif lane.unusable >= PATIENCE:
            self._tell(NO_AUDIO_CONFIG, out)

    def _frame(
        self,
        lane: VideoLane | AudioLane,
        timestamp: int,
        offset: int,
        key: bool,
        data: memoryview,
        out: list[Event],
    ) -> None:
        dts = self._timeline.place(lane.id, timestamp)
        if self._timeline.stood:
            self._tell(STANDING, out)
        if self._timeline.jumps > self._jumps:
            self._tell_jump(dts, out)
        packet = Packet(lane.id, dts, dts + offset, key, data)
        if self._ready:
            if not self._changed or self._tell_change(lane, out):
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
            self._ready = True
            self._announce(out)
            out.extend(self._waiting)
            self._waiting = []
            self._waiting_octets = 0

    def _tell(self, sentence: str, out: list[Event]) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            out.append(Notice(sentence, CODES[sentence]))

    def _tell_jump(self, now: int, out: list[Event]) -> None:
        """Unlike the others it is over at once, so it is told again: but not with every packet."""
        self._jumps = self._timeline.jumps
        if now - self._jumps_at >= JUMPS_MS and self._words.take():
            self._jumps_at = now
            out.append(Notice(JUMPING, "timestamps_jump"))

    def _complete(self) -> bool:
        if any(lane.waits or (lane.track and not lane.begun) for lane in self._videos.values()):
            return False
        known = {track.id for track in self._tracks()}
        if self._hints.promised is None:
            return min(known) < FIRST_AUDIO <= max(known)
        return self._hints.promised <= known

    def _tell_change(self, lane: VideoLane | AudioLane, out: list[Event]) -> bool:
        """Announce what has changed, if that may be now. Whether the frames of this track are
        those of a track that is announced."""
        if self._changes.take():
            self._announce(out)
            return True
        self._tell(CHANGING, out)
        return lane.track == self._described.get(lane.id)

    def _announce(self, out: list[Event]) -> None:
        self._changed = False
        self._described = {track.id: track for track in self._tracks()}
        rates = self._hints.frame_rates
        out.append(
            TracksKnown(
                tuple(
                    replace(track, frame_rate=track.frame_rate or rates.get(track.id, 0.0))
                    for track in self._tracks()
                )
            )
        )

    def _tracks(self) -> list[Track]:
        """Those that are known, by number."""
        lanes: list[VideoLane | AudioLane] = [*self._videos.values(), *self._audios.values()]
        tracks = [lane.track for lane in lanes if lane.track is not None]
        return sorted(tracks, key=lambda track: track.id)
