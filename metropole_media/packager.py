"""Packets into parts and segments, once for all who need them.

A part holds the video frames of about 200 ms and all sound that has arrived with them, and is
complete with its last frame: nobody waits for the next one. Video alone decides where to cut:
at a key frame a segment begins. Without video, sound decides. There is no timer: every cut
happens in the call that brings a packet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
KEY_SECONDS = 10.0
"""How long a key frame is waited for before it is told."""


class Packager:
    """A `Subscriber` of a LiveStream that makes parts and segments.

    The first video and the first audio track of a codec that can be written are taken, others
    are left out.

    Arguments:
        sink: takes them.
        clock: monotonic seconds.
        wall: Unix time in seconds.
        numbers: where segments and parts begin to count.

    Fields:
        dropped: packets left out: before the first key frame, or sound without time.
    """

    def __init__(
        self,
        sink: PackageSink,
        clock: Callable[[], float],
        wall: Callable[[], float],
        settings: PackagerSettings | None = None,
        numbers: Numbers | None = None,
    ) -> None:
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
        self._segmenter = Segmenter(sink, clock, wall, self._settings, numbers or Numbers())

    def limit_segments(self, octets: int) -> None:
        """From now on segments that grow larger than that end early."""
        self._segmenter.max_octets = min(octets, self._settings.max_segment_octets)

    # What a LiveStream calls

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """Take the tracks. With another configuration than before, a new init segment follows.

        Where the picture goes on as it was, the new tracks hold from its next key frame on.
        """
        video = _first(tracks, "video")
        audio = _first(tracks, "audio")
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
            self._segmenter.set_clock(self._ticks(packet))
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
            self._audio_line = None
            if audio is not None:
                self._audio_line = _audio_line(audio)
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
            self._part_target = target / VIDEO_TIMESCALE
            self._segmenter.frame_rate = VIDEO_TIMESCALE / frame
            self._make_video_line(times)
        elif self._audio_line is not None:
            for packet in queue[:1]:
                self._audio_line.look(packet.data)
            step = self._audio_line.step / self._audio_line.rate
            self._part_target = max(1, round(wished / step)) * step
        self._segmenter.part_target = self._part_target
        for packet in queue:
            self._take(packet, self._video is not None and packet.track == self._video.id)

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
        if packet.key and self._segmenter.may_end(line.seconds_until(dts)):
            if len(line):
                self._cut(dts, last=True)
            self._segmenter.end()
        elif line.closes_before(dts):
            self._cut(dts)
        line.add(dts, self._ticks(packet), packet.key, packet.data)
        if line.full or len(line) >= MAX_SAMPLES or self._too_large(line.octets):
            self._cut(None)

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
        independent, pts = line.independent, line.first_pts
        run, ticks = line.close(VIDEO_NUMBER, next_dts, last)
        self._keep_up(run)
        sound = self._audio_line.take(AUDIO_NUMBER, audio) if self._audio_line else None
        runs = [run, sound] if sound else [run]
        self._segmenter.emit(runs, ticks / VIDEO_TIMESCALE, independent, pts, last)

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
            run = line.take(AUDIO_NUMBER, line.fitting(target))
            assert run is not None
            seconds = sum(sample.duration for sample in run.samples) / line.rate
            if full:
                seconds = max(seconds, 0.9 * self._part_target)
            seconds = min(seconds, self._part_target)
            if self._video_line is not None:
                self._video_line.skip(round(seconds * VIDEO_TIMESCALE))
            pts = rescale(run.decode_time, line.rate, VIDEO_TIMESCALE)
            self._segmenter.emit([run], seconds, alone, pts, rest and not len(line))

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
        track = self._video if self._video and packet.track == self._video.id else self._audio
        assert track is not None
        ticks = rescale(packet.pts, track.timescale, VIDEO_TIMESCALE)
        return ticks + BASE_SECONDS * VIDEO_TIMESCALE


def _audio_line(track: Track) -> AudioLine:
    codec = AUDIO_CODECS.get(track.fourcc)
    measure = codec.duration if codec is not None else None
    step = 0 if measure is not None else track.samples_per_packet or 1024
    return AudioLine(track.sample_rate, step, silent_packet(track), measure)


def _first(tracks: tuple[Track, ...], kind: str) -> Track | None:
    fitting = (t for t in tracks if t.kind == kind and t.fourcc in SAMPLE_ENTRIES)
    return next(fitting, None)


def _same(one: Track | None, other: Track | None) -> bool:
    """Whether the same init segment and time line serve both. A frame rate is only a hint."""
    if one is None or other is None:
        return one is other
    return replace(one, frame_rate=0.0) == replace(other, frame_rate=0.0)
