"""Packets into parts and segments, once for all who need them.

A part holds the video frames of about 200 ms and all sound that has arrived with them, and is
complete with its last frame: nobody waits for the next one. Video alone decides where to cut:
at a key frame a segment begins. Without video, sound decides. There is no timer: every cut
happens in the call that brings a packet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from metropole_media.alignment import Grid, Leader
from metropole_media.codecs.silence import silent_packet
from metropole_media.codecs.table import AUDIO_CODECS
from metropole_media.fmp4 import Run
from metropole_media.fmp4.sample_entries import SAMPLE_ENTRIES
from metropole_media.live import Packet, Track
from metropole_media.numbers import Numbers
from metropole_media.packaged import Health, PackageSink
from metropole_media.segmenter import (
    AUDIO_NUMBER,
    VIDEO_NUMBER,
    PackagerSettings,
    Segmenter,
)
from metropole_media.soundtrack import Soundtrack
from metropole_media.timeline import (
    BASE_SECONDS,
    JITTER,
    VIDEO_TIMESCALE,
    AudioLine,
    VideoLine,
    frame_duration,
    rescale,
)

LEARN_FRAMES = 9
LEARN_PACKETS = 512
LEARN_OCTETS = 16 * 1024 * 1024
"""What waits at most until the frame rate is known."""
MAX_SAMPLES = 1024
"""Samples of one track in a part."""
STALL_SECONDS = 1.0
MAX_AHEAD_SECONDS = 3.0
"""Sound that waits at most for video, however fast both arrive."""
FIRST = -1
"""Of the tracks of a kind."""
KEY_SECONDS = 10.0
"""How long a key frame is waited for before it is told."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tracks of a source go into a rendition; of several of a kind, tracks of codecs that
    cannot be written are left out.

    Fields:
        video, audio: `FIRST`, or `Track.id`; None for none.
    """

    video: int | None = FIRST
    audio: int | None = FIRST

    def of(self, tracks: Sequence[Track]) -> tuple[Track | None, Track | None]:
        """The video and the audio track."""
        return _choose(tracks, "video", self.video), _choose(tracks, "audio", self.audio)


SOURCE = Choice()


class Packager:
    """A `Subscriber` of a LiveStream that makes parts and segments.

    Arguments:
        sink: takes them.
        clock: monotonic seconds.
        wall: Unix time in seconds.
        numbers: where segments and parts begin to count.
        grid: told where segments begin, for packagers of other renditions that follow.

    Fields:
        choice: which tracks are taken; a change takes effect with the next description.
        dropped: packets left out: before the first key frame, or sound without time.
    """

    choice: Choice

    def __init__(
        self,
        sink: PackageSink,
        clock: Callable[[], float],
        wall: Callable[[], float],
        settings: PackagerSettings | None = None,
        numbers: Numbers | None = None,
        choice: Choice = SOURCE,
        grid: Grid | None = None,
    ) -> None:
        self.choice = choice
        self.dropped = 0
        self._clock = clock
        self._settings = settings or PackagerSettings()
        self._video: Track | None = None
        self._audio: Track | None = None
        self._epoch = 0
        self._video_line: VideoLine | None = None
        self._audio_line: AudioLine | None = None
        # What arrives before the frame rate is known.
        self._queue: list[Packet] = []
        self._queued_octets = 0
        self._waits_for_key = True
        self._waits_since: float | None = None
        # Tracks that hold from the next key frame on.
        self._coming: tuple[Track, Track | None] | None = None
        self._stalled = False
        self._video_at = 0.0
        self._part_target = 0.0
        self._soundtrack: Soundtrack | None = None
        self._grid = grid or Grid()
        numbers = numbers or Numbers()
        self._leader = self._make_leader(wall, numbers)
        self._segmenter = Segmenter(sink, clock, self._settings, numbers, self._grid, self._leader)

    def _make_leader(self, wall: Callable[[], float], numbers: Numbers) -> Leader | None:
        return Leader(self._grid, wall, numbers)

    def limit_segments(self, octets: int) -> None:
        """From now on segments that grow larger than that end early."""
        self._segmenter.max_octets = min(octets, self._settings.max_segment_octets)

    # What a LiveStream calls

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """Take the tracks. With another configuration than before, a new init segment follows.

        Where the picture goes on as it was, the new tracks hold from its next key frame on.
        """
        video, audio = self.choice.of(tracks)
        self._coming = None
        same_video, same_audio = _same(video, self._video), _same(audio, self._audio)
        again = epoch == self._epoch
        if again and same_video and same_audio:
            return
        goes_on = again and not self._waits_for_key and (same_video or self._video is None)
        if goes_on and video is not None:
            self._coming = video, audio
            return
        self._flush()
        self._epoch = epoch
        self._wait_for_key()
        if not (same_video and same_audio):
            self._take_up(video, audio)

    def on_packet(self, packet: Packet) -> None:
        """Take a packet; parts that it completes are handed over before this returns."""
        if self._coming is not None and not self._go_over(packet, *self._coming):
            self.dropped += 1
            return
        video = self._video is not None and packet.track == self._video.id
        if not video and (self._audio is None or packet.track != self._audio.id):
            return
        if self._waits_for_key:
            if self._video is not None and not (video and packet.key):
                self.dropped += 1
                self._miss_key()
                return
            self._waits_for_key = False
            if self._leader is not None:
                self._leader.set_clock(self._ticks(packet))
        if video:
            self._video_at = self._clock()
        if self._part_target:
            self._take(packet, video)
        else:
            self._queue.append(packet)
            self._queued_octets += len(packet.data)
            if self._knows_enough():
                self._learn()

    def on_interrupted(self) -> None:
        """What is there is handed over; what follows begins with a key frame."""
        self._flush()
        self._wait_for_key()

    def on_end(self) -> None:
        """What is there is handed over; nothing follows."""
        self._flush()
        self._segmenter.finish()

    # Tracks

    def _take_up(self, video: Track | None, audio: Track | None) -> None:
        """Go on with these tracks. No segment may be open."""
        if not _same(audio, self._audio):
            self._audio_line = self._soundtrack = None
            if audio is not None:
                self._soundtrack = Soundtrack(audio)
                self._audio_line = _audio_line(audio, self._soundtrack)
        self._video, self._audio = video, audio
        self._segmenter.configure(video, audio)
        if self._part_target and video is not None:
            self._segmenter.frame_rate = video.frame_rate or self._segmenter.frame_rate
            self._make_video_line([])

    def _go_over(self, packet: Packet, video: Track, audio: Track | None) -> bool:
        """Look whether the tracks that come begin with this packet; False when it belongs to
        them, but cannot be used yet."""
        if packet.track == video.id and packet.key:
            self._coming = None
            self._flush()
            self._take_up(video, audio)
            return True
        if packet.track == video.id:
            return self._video is not None
        return _same(audio, self._audio)

    def _wait_for_key(self) -> None:
        self._waits_for_key, self._waits_since = True, None

    def _miss_key(self) -> None:
        now = self._clock()
        if self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > KEY_SECONDS:
            self._segmenter.tell(Health.NO_KEY_FRAME)

    # The frame rate

    def _knows_enough(self) -> bool:
        if self._video is None:
            return True
        times = self._queued_times()
        span = times[-1] - times[0]
        return (
            len(times) >= LEARN_FRAMES
            or (len(times) >= 3 and span >= VIDEO_TIMESCALE)
            or (len(times) >= 2 and span >= 2 * VIDEO_TIMESCALE)
            or len(self._queue) >= LEARN_PACKETS
            or self._queued_octets >= LEARN_OCTETS
        )

    def _queued_times(self) -> list[int]:
        video = self._video
        return [
            rescale(packet.dts, video.timescale, VIDEO_TIMESCALE)
            for packet in self._queue
            if video is not None and packet.track == video.id
        ]

    def _learn(self) -> None:
        """Fix the duration of parts, and go on with what waited."""
        queue, self._queue, self._queued_octets = self._queue, [], 0
        wished = self._settings.part_seconds
        if self._video is not None:
            self._queue = queue
            times = self._queued_times()
            self._queue = []
            frame = frame_duration(times, self._video.frame_rate)
            count = max(1, round(wished * VIDEO_TIMESCALE / frame))
            target = count * frame + min(JITTER, frame // 4)
            self._part_target = self._settle(target / VIDEO_TIMESCALE, frame / VIDEO_TIMESCALE)
            self._segmenter.frame_rate = VIDEO_TIMESCALE / frame
            self._make_video_line(times)
        elif self._audio_line is not None:
            for packet in queue[:1]:
                self._audio_line.look(packet.data)
            step = self._audio_line.step / self._audio_line.rate
            self._part_target = self._settle(max(1, round(wished / step)) * step, step)
        self._segmenter.part_target = self._part_target
        for packet in queue:
            self._take(packet, self._video is not None and packet.track == self._video.id)

    def _settle(self, target: float, piece: float) -> float:
        """Settle the part target, in seconds; a frame or a packet has `piece` seconds."""
        self._grid.part_target = target
        return target

    def _make_video_line(self, times: list[int]) -> None:
        # One for the packager's life: its times go on whatever comes.
        if self._video is not None and self._video_line is None:
            frame = frame_duration(times, self._video.frame_rate)
            self._video_line = VideoLine(frame, round(self._part_target * VIDEO_TIMESCALE))

    # Cutting

    def _take(self, packet: Packet, video: bool) -> None:
        if video:
            self._take_video(packet)
        else:
            self._take_audio(packet)

    def _take_video(self, packet: Packet) -> None:
        line, track = self._video_line, self._video
        assert line is not None
        assert track is not None
        self._stalled = False
        base = BASE_SECONDS * VIDEO_TIMESCALE
        dts = rescale(packet.dts, track.timescale, VIDEO_TIMESCALE) + base
        pts = self._ticks(packet)
        if self._begins_segment(packet, line.seconds_until(dts)):
            if len(line):
                self._cut(dts, last=True)
            self._segmenter.end()
        elif line.closes_before(dts):
            self._cut(dts)
        if self._segmenter.between:
            self._open_segment(pts, not packet.key)
        if self._leader is not None:
            self._grid.passed = max(self._grid.passed, pts if packet.key else dts)
        line.add(dts, pts, packet.key, packet.data)
        if line.full or len(line) >= MAX_SAMPLES or self._too_large(line.octets):
            self._cut(None)

    def _begins_segment(self, packet: Packet, open_seconds: float) -> bool:
        """Whether a video frame ends the open segment; that many seconds of a part are open."""
        return packet.key and self._segmenter.may_end(open_seconds)

    def _open_segment(self, pts: int, hard: bool, ago: float = 0.0) -> bool:
        """Begin a segment with what comes next, if one may begin. See `Leader.begin`."""
        sound = None
        if self._soundtrack is not None and self._audio_line is not None:
            sound = self._soundtrack, self._audio_line.begin
        self._segmenter.lead(pts, hard, sound, ago)
        return True

    def _take_audio(self, packet: Packet) -> None:
        line, track = self._audio_line, self._audio
        assert line is not None
        assert track is not None
        time = rescale(packet.dts, track.timescale, line.rate) + BASE_SECONDS * line.rate
        if not line.add(time, packet.data):
            self.dropped += 1
            return
        waiting = line.ticks / line.rate
        if self._video is None:
            if line.fills(self._part_ticks(line)):
                self._cut_audio()
            return
        patience = max(STALL_SECONDS, 2 * self._part_target)
        if not self._stalled and waiting > patience:
            silent = self._clock() - self._video_at
            self._stalled = silent > patience or waiting > MAX_AHEAD_SECONDS
            if self._stalled:
                self._segmenter.tell(Health.VIDEO_STALLED)
        if self._stalled or len(line) >= MAX_SAMPLES or self._too_large(line.octets):
            self._cut_audio()

    def _cut(self, next_dts: int | None, *, last: bool = False, audio: int = MAX_SAMPLES) -> None:
        """Close a part that holds video."""
        line = self._video_line
        assert line is not None
        independent = line.independent
        run, ticks = line.close(VIDEO_NUMBER, next_dts, last)
        self._keep_up(run)
        sound = self._sound_of(run, audio, last)
        runs = [run, sound] if sound else [run]
        self._segmenter.emit(runs, ticks / VIDEO_TIMESCALE, independent, last)

    def _sound_of(self, video: Run, most: int, last: bool) -> Run | None:
        """The sound that goes into a part with these pictures: all that there is, at most so many
        packets."""
        line = self._audio_line
        sound = line.take(AUDIO_NUMBER, most) if line is not None else None
        if line is not None and self._soundtrack is not None:
            self._soundtrack.taken = line.begin
        return sound

    def _keep_up(self, run: Run) -> None:
        """No picture waits for sound for ever."""
        line = self._audio_line
        if line is None:
            return
        end = run.decode_time + sum(sample.duration for sample in run.samples)
        line.keep_up(
            rescale(run.decode_time, VIDEO_TIMESCALE, line.rate),
            rescale(end, VIDEO_TIMESCALE, line.rate),
        )
        if line.silent:
            self._segmenter.tell(Health.AUDIO_STALLED)

    def _cut_audio(self, *, rest: bool = False) -> None:
        """Close parts by the sound that waits; with `rest`, all of it."""
        line = self._audio_line
        assert line is not None
        target = self._part_ticks(line)
        alone = self._video is None
        if self._video_line is not None and len(self._video_line):
            self._cut(None, audio=line.fitting(target))
        while len(line) and ((full := line.fills(target)) or rest):
            at = rescale(line.begin, line.rate, VIDEO_TIMESCALE)
            if self._segmenter.between and not self._open_segment(at, not alone, self._part_target):
                break
            run = line.take(AUDIO_NUMBER, line.fitting(target))
            assert run is not None
            seconds = sum(sample.duration for sample in run.samples) / line.rate
            if full:
                seconds = max(seconds, 0.9 * self._part_target)
            seconds = min(seconds, self._part_target)
            if self._video_line is not None:
                self._video_line.skip(round(seconds * VIDEO_TIMESCALE))
            if self._leader is not None:
                self._grid.passed = max(self._grid.passed, at)
            self._segmenter.emit([run], seconds, alone, rest and not len(line))

    def _part_ticks(self, line: AudioLine) -> int:
        """Longest duration of a part in samples."""
        return round(self._part_target * line.rate)

    def _flush(self) -> None:
        """Hand over everything that waits, and end the segment."""
        if self._queue:
            self._learn()
        if self._video_line is not None and len(self._video_line):
            self._cut(None, last=True)
        if self._audio_line is not None and len(self._audio_line):
            self._cut_audio(rest=True)
        self._segmenter.end()
        self._stalled = False

    # Rules

    def _too_large(self, octets: int) -> bool:
        too_large = octets >= self._segmenter.max_octets // 4
        if too_large:
            self._segmenter.tell(Health.TOO_LARGE)
        return too_large

    def _ticks(self, packet: Packet) -> int:
        """Presentation time in ticks of `VIDEO_TIMESCALE`."""
        return self._written(packet, packet.pts)

    def _written(self, packet: Packet, time: int) -> int:
        """A time of a packet in ticks of `VIDEO_TIMESCALE`, as it is written."""
        track = self._video if self._video and packet.track == self._video.id else self._audio
        assert track is not None
        return rescale(time, track.timescale, VIDEO_TIMESCALE) + BASE_SECONDS * VIDEO_TIMESCALE


def _audio_line(track: Track, soundtrack: Soundtrack) -> AudioLine:
    codec = AUDIO_CODECS.get(track.fourcc)
    measure = codec.duration if codec is not None else None
    step = 0 if measure is not None else track.samples_per_packet or 1024
    return AudioLine(track.sample_rate, step, silent_packet(track), measure, soundtrack.add)


def writable(tracks: Sequence[Track], kind: str) -> list[Track]:
    """The tracks of a kind whose codecs can be written."""
    return [track for track in tracks if track.kind == kind and track.fourcc in SAMPLE_ENTRIES]


def _choose(tracks: Sequence[Track], kind: str, choice: int | None) -> Track | None:
    fitting = (track for track in writable(tracks, kind) if choice in (FIRST, track.id))
    return next(fitting, None)


def _same(one: Track | None, other: Track | None) -> bool:
    """Whether the same init segment and time line serve both. A frame rate is only a hint."""
    if one is None or other is None:
        return one is other
    return replace(one, frame_rate=0.0) == replace(other, frame_rate=0.0)
