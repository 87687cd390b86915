"""The packager of a rendition beside the source: cuts its segments where those of the source are.

Pictures that are encoded here come later than the sound they belong to, which waits: a part gets
the packets that the source's packager put on its grid, so that all renditions carry the same
sound, and each segment holds the same of it. A rendition of sound alone takes its packets from the
stream itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from metropole_media.alignment import Follower, Grid, Leader, Step
from metropole_media.fmp4 import Run
from metropole_media.live import Packet, Track
from metropole_media.numbers import Numbers
from metropole_media.packaged import PackageSink
from metropole_media.packager import Choice, Packager
from metropole_media.segmenter import AUDIO_NUMBER, PackagerSettings
from metropole_media.soundtrack import Soundtrack
from metropole_media.timeline import VIDEO_TIMESCALE, rescale, sound_run

MAX_WAITING = 256
MAX_WAITING_OCTETS = 32 * 1024 * 1024
"""Packets that wait at most for what the leader decides."""
SAME_TARGET = 0.93
"""A part target that comes so near to the leader's becomes the same."""
EVERYTHING = 1 << 62


class FollowingPackager(Packager):
    """A `Subscriber` of a LiveStream, or of a rendition's feed, that follows a grid.

    Arguments:
        sink, clock, settings: as of a `Packager`.
        numbers: where parts begin to count.
        grid: of the source's packager, which must get each packet first.
        choice: a video track, to which the source's sound is muxed if the source is muxed; or an
            audio track alone.
    """

    def __init__(
        self,
        sink: PackageSink,
        clock: Callable[[], float],
        settings: PackagerSettings,
        numbers: Numbers,
        grid: Grid,
        choice: Choice,
    ) -> None:
        super().__init__(sink, clock, lambda: 0.0, settings, numbers, choice, grid)
        self._follower = Follower(grid, anywhere=choice.video is None)
        self._waiting: deque[tuple[Packet, bool]] = deque()
        self._waiting_octets = 0
        self._step = Step.GO_ON
        self._muxed: Soundtrack | None = None
        self._read = 0
        self._reorder = 0

    def _make_leader(self, wall: Callable[[], float], numbers: Numbers) -> Leader | None:
        return None

    def _take_up(self, video: Track | None, audio: Track | None) -> None:
        super()._take_up(video, audio)
        self._muxed = None  # The next segment says what it is.

    def _settle(self, target: float, piece: float) -> float:
        self._follower.tolerance = round(piece * VIDEO_TIMESCALE / 2)
        leaders = self._grid.part_target
        same = self._video is not None and SAME_TARGET * leaders <= target <= leaders
        return leaders if same else target

    # One packet after the other, as far as the leader has decided

    def _take(self, packet: Packet, video: bool) -> None:
        self._waiting.append((packet, video))
        self._waiting_octets += len(packet.data)
        self._pump()

    def _pump(self, *, force: bool = False) -> None:
        waiting, follower = self._waiting, self._follower
        while waiting:
            packet, video = waiting[0]
            if self._segmenter.between and follower.open:
                follower.cut()
            full = len(waiting) > MAX_WAITING or self._waiting_octets > MAX_WAITING_OCTETS
            pts = self._ticks(packet)
            dts = self._written(packet, packet.dts)
            step = follower.judge(dts, pts, packet.key, force=force or full)
            if step is Step.WAIT:
                return
            waiting.popleft()
            self._waiting_octets -= len(packet.data)
            if step is Step.LEAVE_OUT:
                self.dropped += 1
                if not self._segmenter.between:
                    super()._flush()
                continue
            self._segmenter.end_known = follower.end_known(pts)
            self._step = step
            if packet.key:
                self._reorder = pts - dts
            super()._take(packet, video)
            self._step = Step.GO_ON

    def _flush(self) -> None:
        if self._queue:
            self._learn()
        self._pump(force=True)
        super()._flush()
        self._follower.lose()

    # Segments

    def _begins_segment(self, packet: Packet, open_seconds: float) -> bool:
        return self._step is not Step.GO_ON

    def _open_segment(self, pts: int, hard: bool, ago: float = 0.0) -> bool:
        boundary = self._follower.boundary
        if self._step is Step.GO_ON or boundary is None:
            return False
        anew = self._step is Step.ANEW
        if anew and self._video_line is not None:
            self._video_line.restart()
        sound = boundary.sound
        if self._video is not None and sound is not None and (anew or sound is not self._muxed):
            late = pts - boundary.at > self._follower.tolerance
            own = rescale(pts, VIDEO_TIMESCALE, sound.track.sample_rate)
            self._read = sound.find(max(boundary.sound_at, own) if late else boundary.sound_at)
        if self._video is not None and sound is not self._muxed:
            self._muxed = sound
            self._segmenter.configure(self._video, sound.track if sound is not None else None)
        self._segmenter.follow(boundary, pts, anew=anew)
        return True

    def _take_audio(self, packet: Packet) -> None:
        if self._step is not Step.GO_ON:
            step, self._step = self._step, Step.GO_ON
            self._cut_audio(rest=True)
            self._segmenter.end()
            self._step = step
            self._open_segment(self._ticks(packet), hard=False)
        super()._take_audio(packet)

    def _sound_of(self, video: Run, most: int, last: bool) -> Run | None:
        """The sound until the pictures end; at a boundary, until where the source's packager
        divided it."""
        track = self._muxed
        if track is None:
            return None
        rate = track.track.sample_rate
        end = video.decode_time + sum(sample.duration for sample in video.samples)
        until = rescale(end, VIDEO_TIMESCALE, rate)
        shown, tolerance = end + self._reorder, self._follower.tolerance
        boundary = self._follower.boundary
        begins = self._step is Step.BEGIN
        if boundary is not None and not begins:
            boundary = self._grid.get(boundary.number + 1)
        if boundary is not None and boundary.sound is track:
            reached = begins or shown + tolerance >= boundary.at
            until = boundary.sound_at if reached else min(until, boundary.sound_at)
        elif begins:
            until = EVERYTHING
        elif self._grid.passed - shown < 4 * tolerance and track.taken > until - rate // 20:
            # Side by side with the source: what that has just put into a part.
            until = track.taken
        packets, self._read = track.read(self._read, until, most)
        return sound_run(AUDIO_NUMBER, packets) if packets else None
