"""A stream's renditions being made: what follows the stream, and owns the worker.

Runs on the event loop of the site, without a thread and without ever waiting. What the worker
cannot take is dropped, whole groups of pictures at a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from metropole_media.codecs.errors import CodecError
from metropole_media.codecs.table import VIDEO_CODECS
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track
from metropole_media.transcode.encoders import MAX_RUNGS, JobSpec
from metropole_media.transcode.pace import TIMESCALE
from metropole_media.transcode.process import WorkerProcess
from metropole_media.transcode.wire import (
    MAX_MESSAGE,
    Begin,
    Described,
    Failed,
    Flush,
    Flushed,
    Gone,
    Media,
    Message,
    Report,
    Source,
    Stop,
)

log = logging.getLogger(__name__)

ROOM = 1024
"""Octets of a message beside a packet's data."""
RESUME = 0.5
"""Share of the queue that has to be left before more is given to a worker that was behind."""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Bounds of a job.

    Fields:
        queue_octets: that wait for the worker.
        queue_seconds: of the stream that the worker may be behind before it is given no more.
        behind_seconds: lag from which on it is called behind.
        start_seconds: until a new worker says something.
        hang_seconds: without a picture while the stream flows, then it is ended.
        tick_seconds: between looks and reports.
    """

    queue_octets: int = 32 * 1024 * 1024
    queue_seconds: float = 4.0
    behind_seconds: float = 2.0
    start_seconds: float = 20.0
    hang_seconds: float = 5.0
    tick_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job is doing.

    Fields:
        state: "running"; "behind" when pictures come out later and later; "failed" when it has
            ended by itself, after which nothing follows.
        lag: seconds between the newest source frame given and the newest that came out.
        cpu_seconds: processor time used so far.
        frames: of the source decoded so far.
        dropped: packets of the source left out so far, because the worker was behind.
        memory_octets: of RAM that the worker holds.
        reason: of a failure, a sentence for the operator.
    """

    state: Literal["running", "behind", "failed"]
    lag: float = 0.0
    cpu_seconds: float = 0.0
    frames: int = 0
    dropped: int = 0
    memory_octets: int = 0
    reason: str = ""


class TranscodeJob:
    """Follows a stream, and writes its renditions to the feeds of its ladder.

    It begins with the next key frame, waits while the publisher is away, and ends with the
    stream. A rendition that is taken off the ladder is no longer made.

    Arguments:
        stream: whose ladder holds the renditions of `spec`.
        report: called about once a second, and at once on a failure; never from within a call.
        refused: a sentence; the job fails with it and does nothing.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stream: LiveStream,
        spec: JobSpec,
        report: Callable[[JobStatus], None],
        *,
        refused: str = "",
        limits: JobLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._spec, self._report = stream, spec, report
        self._limits = limits or JobLimits()
        self._clock = clock
        self._decodable = {decoder.fourcc for decoder in spec.decoders}
        self._worker: WorkerProcess | None = None
        self._handles: dict[int, PublisherHandle] = {}
        self._feeds: dict[int, LiveStream] = {}
        self._wanted = set(range(len(spec.rungs)))
        self._video: Track | None = None
        self._epoch = 0
        self._closed = False
        # Both wait for a key frame: for the first one, and after an overflow.
        self._flow: Literal["waiting", "flowing", "skipping"] = "waiting"
        self._dropped = 0
        self._has_spoken = False
        self._given: float | None = None
        self._sent: float | None = None
        self._out: float | None = None
        # Where something was left out of what the worker has: until when, how many seconds.
        self._holes: deque[tuple[float, float]] = deque()
        self._began = clock()
        self._heard: Report | None = None
        self._silent_since: float | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._unwatch: Callable[[], None] = lambda: None
        self._muted = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._limits.tick_seconds, self._tick)
        if refused:
            self._fail(refused)
        else:
            self._begin()

    @property
    def over(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._closed

    @property
    def pid(self) -> int | None:
        """Of the worker; None before it is started."""
        return self._worker.pid if self._worker else None

    def close(self) -> None:
        """Stop at once and free everything; no report follows. Safe to call twice."""
        self._muted = True
        self._end()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._timer.cancel()
        self._unsubscribe()
        self._unwatch()
        if self._worker is not None:
            self._worker.kill()
        for handle in self._handles.values():
            handle.detach()
        self._handles.clear()

    def _begin(self) -> None:
        if not 0 < len(self._spec.rungs) <= MAX_RUNGS:
            self._fail(f"1 to {MAX_RUNGS} renditions can be made, not {len(self._spec.rungs)}.")
            return
        try:
            for number, rung in enumerate(self._spec.rungs):
                self._feeds[number] = self._stream.ladder.feed(rung.name)
        except KeyError as error:
            self._fail(f"There is no rendition {error} on the ladder that could be encoded.")
            return
        try:
            self._worker = WorkerProcess(self._on_message, self._fail, self._spec.worker)
        except OSError as error:
            self._fail(f"The worker cannot be started: {error.strerror or error}.")
            return
        self._worker.send(Begin(self._spec.to_json()))
        self._began = self._clock()
        self._unwatch = self._stream.ladder.watch(self._on_ladder)
        try:
            unsubscribe = self._stream.subscribe(self)
            if self._closed:
                unsubscribe()
            else:
                self._unsubscribe = unsubscribe
        except RuntimeError as error:
            self._fail(f"The stream cannot be followed: {error}.")

    # What the stream calls

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """The first video track is taken; nothing happens while there is none."""
        video = next((track for track in tracks if track.kind == "video"), None)
        if video == self._video and epoch == self._epoch:
            return
        if epoch != self._epoch:
            self._flow = "waiting"
        self._video, self._epoch = video, epoch
        if video is None or self._worker is None:
            return
        if video.fourcc not in self._decodable:
            self._fail(f"A source of {video.codec} cannot be decoded here.")
            return
        transfer = video.colour.transfer if video.colour else 0
        self._worker.send(
            Source(
                video.fourcc,
                video.timescale,
                video.width,
                video.height,
                video.frame_rate,
                transfer,
                bytes(video.config),
            )
        )

    def on_packet(self, packet: Packet) -> None:
        """Hand it to the worker, or drop it if that has too much already."""
        video = self._video
        if video is None or packet.track != video.id or self._worker is None:
            return
        flows = self._flow == "flowing"
        if self._flow == "waiting" and not packet.key:
            return
        time_ = packet.pts / video.timescale
        self._given = max(time_, time_ if self._given is None else self._given)
        fits = self._has_room(len(packet.data), 1.0 if flows else RESUME)
        if not fits or not (flows or packet.key):
            if flows:
                log.warning("renditions of stream %s are behind: frames lost", self._stream.name)
            self._flow = "skipping"
            self._dropped += 1
            return
        if self._flow == "skipping" and self._sent is not None:
            self._holes.append((time_, max(0.0, time_ - self._sent)))
        self._flow = "flowing"
        self._sent = max(time_, time_ if self._sent is None else self._sent)
        if self._out is None:
            self._out = time_
        if self._silent_since is None:
            self._silent_since = self._clock()
        self._worker.send(Media(0, packet.dts, packet.pts, packet.key, packet.data))

    def on_interrupted(self) -> None:
        """Have out what is inside, then wait."""
        self._flow = "waiting"
        if self._worker is not None:
            self._worker.send(Flush())

    def on_end(self) -> None:
        """The feeds end with the stream."""
        self._end()

    # What the worker says

    def _on_message(self, message: Message) -> None:
        match message:
            case Media():
                self._write(message)
            case Report():
                if self._heard is None and self._silent_since is not None:
                    self._silent_since = self._clock()  # it was not there before
                self._heard = message
            case Described():
                self._describe(message)
            case Flushed():
                self._rest()
            case Gone(rung, sentence):
                log.info("stream %s: %s", self._stream.name, sentence)
                self._drop(rung)
            case Failed(sentence):
                self._fail(sentence)
            case _:
                self._fail("The worker said what only a job may say.")

    def _describe(self, message: Described) -> None:
        if message.rung not in self._wanted:
            return
        rung = self._spec.rungs[message.rung]
        fourcc = rung.encoder.fourcc
        try:
            config = VIDEO_CODECS[fourcc].parse(message.record)
            handle = self._handles.get(message.rung)
            if handle is None or handle.detached:
                handle = self._handles[message.rung] = self._feeds[message.rung].attach()
        except KeyError:
            self._fail(f"The codec {fourcc} is not known here.")
            return
        except CodecError as error:
            self._fail(f"The encoder of {rung.name} describes itself wrongly: {error}")
            return
        except RuntimeError:
            if self._feeds[message.rung].ended:
                self._drop(message.rung)
            else:
                self._fail(f"Another job makes {rung.name} already.")
            return
        handle.describe(
            (
                Track(
                    0,
                    "video",
                    fourcc,
                    config.codec,
                    TIMESCALE,
                    message.record,
                    width=message.width,
                    height=message.height,
                    frame_rate=rung.frame_rate,
                    bit_depth=message.bit_depth,
                    colour=config.colour,
                ),
            )
        )

    def _write(self, message: Media) -> None:
        self._silent_since = None
        self._has_spoken = True
        self._out = max(message.pts / TIMESCALE, self._out or 0.0)
        while self._holes and self._holes[0][0] <= self._out:
            self._holes.popleft()
        handle = self._handles.get(message.rung)
        if handle is not None:
            handle.write(Packet(0, message.dts, message.pts, message.key, message.data))

    def _rest(self) -> None:
        """The publisher is away, and all that it sent has come out."""
        self._given = self._sent = self._out = self._silent_since = None
        self._holes.clear()
        for handle in self._handles.values():
            handle.detach()
        self._handles.clear()

    # Supervision

    @property
    def _lag(self) -> float:
        if self._given is None or self._out is None:
            return 0.0
        return max(0.0, self._given - self._out)

    def _has_room(self, octets: int, share: float) -> bool:
        assert self._worker is not None
        if octets > MAX_MESSAGE - ROOM:
            return False
        if self._worker.queued + octets > self._limits.queue_octets * share:
            return False
        if self._sent is None or self._out is None or not self._has_spoken:
            return True
        inside = self._sent - self._out - sum(length for _, length in self._holes)
        return inside <= self._limits.queue_seconds * share

    def _on_ladder(self) -> None:
        """Renditions that are no longer planned are no longer made."""
        for number in tuple(self._wanted):
            if self._feeds[number].ended or not self._is_planned(number):
                self._drop(number)

    def _is_planned(self, number: int) -> bool:
        name = self._spec.rungs[number].name
        return any(plan.name == name for plan in self._stream.ladder.plans or ())

    def _drop(self, number: int) -> None:
        if number not in self._wanted:
            return
        self._wanted.discard(number)
        if self._worker is not None:
            self._worker.send(Stop(number))
        handle = self._handles.pop(number, None)
        if handle is not None:
            handle.detach()
        if not self._wanted:
            self._end()

    def _tick(self) -> None:
        now = self._clock()
        if self._heard is None and now - self._began > self._limits.start_seconds:
            self._fail(f"The worker did not start within {self._limits.start_seconds:g} s.")
            return
        if self._hangs(now):
            self._fail(f"No picture came out for {self._limits.hang_seconds:g} s.")
            return
        self._timer = self._loop.call_later(self._limits.tick_seconds, self._tick)
        lag = self._lag
        # One that has just been started catches up.
        behind = self._has_spoken and lag > self._limits.behind_seconds
        self._tell("behind" if behind else "running", lag)

    def _hangs(self, now: float) -> bool:
        """Whether it is silent though it was given enough to speak."""
        if self._heard is None or self._silent_since is None:
            return False
        return now - self._silent_since > self._limits.hang_seconds and self._lag > 1.0

    def _tell(
        self, state: Literal["running", "behind", "failed"], lag: float, reason: str = ""
    ) -> None:
        if self._muted:
            return
        heard = self._heard or Report(0.0, 0, 0, 0)
        status = JobStatus(
            state,
            lag,
            heard.cpu_seconds,
            heard.frames,
            self._dropped,
            heard.memory_octets,
            reason,
        )
        try:
            self._report(status)
        except Exception:
            log.exception("a report about stream %s was not taken", self._stream.name)

    def _fail(self, sentence: str) -> None:
        if self._closed:
            return
        log.warning("transcoding of stream %s ended: %s", self._stream.name, sentence)
        self._end()
        # Whoever made this job may not even have it yet.
        self._loop.call_soon(self._tell, "failed", self._lag, sentence)
