"""One stream while it is live: publishers attach and detach, subscribers follow.

A `LiveStream` lives as long as a broadcast. Publishers come and go (an encoder that lost its
network attaches again); the stream gives its subscribers **one timeline without a hole**: the
first packet of a publisher that returns is placed where the last packet of the one before ended,
whatever time stamps the encoder starts with, and within a track decode times never go back.
Everything is synchronous and runs on the event loop: a subscriber does its small work in the
call, or puts the packet into a bounded queue of its own. One that raises is taken off the stream
and told in the log; publisher and other subscribers go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from metropole_media.codecs.model import Colour
from metropole_media.ladder import Ladder

log = logging.getLogger(__name__)

MAX_TRACKS = 16
MAX_SUBSCRIBERS = 64
"""Plugins follow a stream, not viewers: an egress shares what it makes among its viewers."""


@dataclass(frozen=True, slots=True)
class Track:
    """One elementary stream with its codec configuration.

    Fields:
        id: stable within the stream; video tracks count from 0, audio tracks from 100. Of several
            video tracks (multitrack) each is a quality of the same picture, 0 the best.
        kind: "video" or "audio".
        fourcc: sample entry of the codec ("avc1", "hvc1", "av01", "vp09", "mp4a", "Opus").
        codec: RFC 6381 string, exact ("avc1.640028", "mp4a.40.2").
        timescale: ticks a second of the packets' time stamps.
        config: the decoder configuration record: payload of avcC, hvcC, av1C or vpcC (for VP9 with
            the size behind it, see `codecs.vp9`), AudioSpecificConfig, and for Opus either
            OpusHead or the payload of dOps (`codecs.opus` makes one of the other).
        width, height: pixels, 0 for audio.
        frame_rate: frames a second when the source says it, else 0.0. A hint.
        sample_rate, channels: Hz and count, 0 for video.
        samples_per_packet: audio samples in a packet (1024 for AAC-LC), 0 for video and where it
            varies.
        bit_depth: of luma, 0 for audio.
        colour: None for audio, and when nobody says.
        language: BCP 47 tag of an audio track, "" when nobody says.
    """

    id: int
    kind: Literal["video", "audio"]
    fourcc: str
    codec: str
    timescale: int
    config: bytes
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    samples_per_packet: int = 0
    bit_depth: int = 0
    colour: Colour | None = None
    language: str = ""


@dataclass(slots=True)
class Packet:
    """One encoded video frame or audio frame.

    Fields:
        track: `Track.id`.
        dts, pts: decode and presentation time in the track's timescale, on the stream's timeline.
        key: whether decoding can begin here (always true for audio).
        data: the payload as the sample of an ISO base media file holds it (for AVC:
            length-prefixed NAL units). Never changed after it was handed over.
    """

    track: int
    dts: int
    pts: int
    key: bool
    data: bytes | bytearray | memoryview


class Subscriber(Protocol):
    """Whoever follows a `LiveStream`. Calls are synchronous and must not block."""

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        """The source is described, again after each attach and when a configuration changed.

        `epoch` grows with each publisher that attaches. The same tracks with a new epoch mean
        that the same source came back.
        """

    def on_packet(self, packet: Packet) -> None:
        """A packet of a described track, in arrival order."""

    def on_interrupted(self) -> None:
        """The publisher is gone; it may come back."""

    def on_end(self) -> None:
        """The broadcast is over; no call follows."""


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What has arrived so far, for dashboards and doctor.

    Fields:
        packets, octets: counted since the stream began.
        last_packet_at: the clock's time of the newest packet in seconds, 0.0 before the first.
        publisher: whether one is attached now.
        dropped: audio packets left out because they lay before what was handed on already.
    """

    packets: int
    octets: int
    last_packet_at: float
    publisher: bool
    dropped: int = 0


class PublisherHandle:
    """What a publisher holds while it is attached. Made by `LiveStream.attach`."""

    __slots__ = ("_described", "_offset_ms", "_stream", "detached")

    def __init__(self, stream: LiveStream) -> None:
        self._stream = stream
        # The packets of a rendition lie on the timeline already.
        self._offset_ms: float | None = 0.0 if stream.is_rendition else None
        self._described = False
        self.detached = False

    def describe(self, tracks: tuple[Track, ...]) -> None:
        """Say what the source holds; again whenever a configuration changes.

        Raises:
            ValueError: more than `MAX_TRACKS` tracks, or an id twice.
        """
        gate = self._stream.gate
        if not self.detached and (gate is None or gate(tracks)):
            self._stream._describe(tracks)
            self._described = True

    def write(self, packet: Packet) -> None:
        """Hand over one packet with the encoder's own time stamps.

        A packet of a track that this publisher did not describe, or after `detach`, is ignored.
        """
        stream = self._stream
        if self.detached or not self._described:
            return
        track = stream._by_id.get(packet.track)
        if track is None:
            return
        if self._offset_ms is None:
            first_ms = packet.dts * 1000 / track.timescale
            self._offset_ms = stream._end_ms - first_ms
        shift = round(self._offset_ms * track.timescale / 1000)
        packet.dts += shift
        packet.pts += shift
        stream._deliver(packet, track)

    def detach(self) -> None:
        """The publisher is gone. Safe to call twice."""
        if not self.detached:
            self.detached = True
            self._stream._detached(self)


class LiveStream:
    """The packets of one broadcast, handed from its publisher to its subscribers.

    Arguments:
        name: for logs.
        clock: monotonic seconds.
        is_rendition: its packets lie on the timeline of another stream, whose rendition it is.

    Fields:
        ladder: the renditions of the stream beside its source.
    """

    def __init__(
        self, name: str, clock: Callable[[], float], *, is_rendition: bool = False
    ) -> None:
        self.name = name
        self.is_rendition = is_rendition
        self.ladder = Ladder(lambda each: LiveStream(f"{name}/{each}", clock, is_rendition=True))
        self.tracks: tuple[Track, ...] = ()
        self.epoch = 0
        self.ended = False
        self.gate: Callable[[tuple[Track, ...]], bool] | None = None
        """Asked before a publisher's description reaches anyone; False keeps it back. Whoever
        says so ends the publisher."""
        self._clock = clock
        self._by_id: dict[int, Track] = {}
        # Replaced, never changed: whoever walks through it may cause a change.
        self._subscribers: tuple[Subscriber, ...] = ()
        self._publisher: PublisherHandle | None = None
        self._end_ms = 0.0
        self._packets = 0
        self._octets = 0
        self._dropped = 0
        self._last_packet_at = 0.0
        self._last_dts: dict[int, int] = {}

    @property
    def stats(self) -> StreamStats:
        return StreamStats(
            self._packets,
            self._octets,
            self._last_packet_at,
            self._publisher is not None,
            self._dropped,
        )

    def attach(self) -> PublisherHandle:
        """Attach a publisher.

        Raises:
            RuntimeError: the stream has ended, or another publisher is attached.
        """
        if self.ended:
            raise RuntimeError(f"stream {self.name} has ended")
        if self._publisher is not None:
            raise RuntimeError(f"stream {self.name} has a publisher")
        self.epoch += 1
        self._publisher = PublisherHandle(self)
        return self._publisher

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Follow the stream from now on; what is returned ends that, and may be called twice.

        A subscriber of a stream that has ended gets `on_end` at once.

        Raises:
            RuntimeError: `MAX_SUBSCRIBERS` follow it already.
        """
        if self.ended:
            self._call(subscriber, subscriber.on_end)
            return lambda: None
        if len(self._subscribers) >= MAX_SUBSCRIBERS:
            raise RuntimeError(f"stream {self.name} has {MAX_SUBSCRIBERS} subscribers")
        self._subscribers = (*self._subscribers, subscriber)
        if self.tracks:
            self._call(subscriber, subscriber.on_tracks, self.tracks, self.epoch)
        return lambda: self._remove(subscriber)

    def end(self) -> None:
        """The broadcast is over. Safe to call twice."""
        if self.ended:
            return
        if self._publisher is not None:
            self._publisher.detach()
        self.ended = True
        subscribers, self._subscribers = self._subscribers, ()
        for subscriber in subscribers:
            self._call(subscriber, subscriber.on_end)
        self.ladder.end()

    def _describe(self, tracks: tuple[Track, ...]) -> None:
        if len(tracks) > MAX_TRACKS:
            raise ValueError(f"{len(tracks)} tracks; at most {MAX_TRACKS} are taken")
        by_id = {track.id: track for track in tracks}
        if len(by_id) != len(tracks):
            raise ValueError("two tracks have the same id")
        for track in tracks:
            before, last = self._by_id.get(track.id), self._last_dts.get(track.id)
            if before is not None and last is not None and before.timescale != track.timescale:
                self._last_dts[track.id] = last * track.timescale // before.timescale
        self._last_dts = {number: x for number, x in self._last_dts.items() if number in by_id}
        self.tracks, self._by_id = tracks, by_id
        for subscriber in self._subscribers:
            self._call(subscriber, subscriber.on_tracks, tracks, self.epoch)

    def _deliver(self, packet: Packet, track: Track) -> None:
        previous = self._last_dts.get(track.id)
        if previous is not None and packet.dts < previous:
            # The first packets of a publisher that returns may lie a little before its very
            # first one, in the other track. Sound there would be heard twice.
            if track.kind == "audio":
                self._dropped += 1
                return
            packet.dts = previous
            packet.pts = max(packet.pts, previous)
        self._last_dts[track.id] = packet.dts
        # Where a publisher that returns goes on: after the newest packet, by its own duration.
        step = packet.dts - previous if previous is not None else 0
        if not 0 < step <= track.timescale:
            step = track.timescale // 30
        end_ms = (packet.dts + step) * 1000 / track.timescale
        if end_ms > self._end_ms:
            self._end_ms = end_ms
        self._packets += 1
        self._octets += len(packet.data)
        self._last_packet_at = self._clock()
        for subscriber in self._subscribers:
            try:
                subscriber.on_packet(packet)
            except Exception as error:
                self._failed(subscriber, error)

    def _detached(self, handle: PublisherHandle) -> None:
        if self._publisher is handle:
            self._publisher = None
            for subscriber in self._subscribers:
                self._call(subscriber, subscriber.on_interrupted)

    def _call(
        self, subscriber: Subscriber, method: Callable[..., None], *arguments: object
    ) -> None:
        try:
            method(*arguments)
        except Exception as error:
            self._failed(subscriber, error)

    def _failed(self, subscriber: Subscriber, error: Exception) -> None:
        self._remove(subscriber)
        kind = type(subscriber).__name__
        log.error("%s no longer follows stream %s: it failed", kind, self.name, exc_info=error)

    def _remove(self, subscriber: Subscriber) -> None:
        self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)
