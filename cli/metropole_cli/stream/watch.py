"""Follows a stream on the media port for some seconds as a player does, and measures."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from metropole_cli.stream import playlist as reader
from metropole_cli.stream.frames import Inside, look_inside
from metropole_cli.stream.others import Other, look_at
from metropole_cli.stream.playlist import Playlist, Variant
from metropole_cli.stream.seen import Audio, PartSeen, Seen, Video

SECONDS = 8.0
TIMEOUT = 6.0
MAX_OCTETS = 96 * 1024 * 1024
"""Of parts and segments that are fetched for one look."""
HISTORY = 16 * 1024 * 1024
HISTORY_SECONDS = 24.0


class WatchError(Exception):
    """It cannot be followed; the text says why."""


@dataclass(slots=True)
class _Follower:
    """State of one look."""

    connection: http.client.HTTPConnection
    url: str
    init_uri: str = ""
    init: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    octets: int = 0
    jumps: int = 0
    parts: list[PartSeen] = field(default_factory=list)
    keys: list[float] = field(default_factory=list)
    key_end: float = 0.0

    def get(self, uri: str) -> bytes:
        target = urlsplit(urljoin(self.url, uri))
        path = target.path + (f"?{target.query}" if target.query else "")
        try:
            self.connection.request("GET", path)
            response = self.connection.getresponse()
            body = response.read(MAX_OCTETS)
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise WatchError(f"{self.url} does not answer ({error or 'no words'})") from None
        if response.status != 200:
            raise WatchError(f"{urljoin(self.url, uri)} answers {response.status}")
        self.octets += len(body)
        return body

    def take(self, uri: str, mapped: str) -> None:
        """Fetch a piece; a new initialisation segment makes all before it unreadable."""
        if mapped != self.init_uri:
            self.init_uri, self.init, self.pieces = mapped, self.get(mapped), []
        if self.octets < MAX_OCTETS:
            self.pieces.append(self.get(uri))


def watch(
    url: str,
    seconds: float = SECONDS,
    latency_ms: int = 0,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Seen:
    """Follow the stream of a multivariant playlist. Takes that many seconds, and not many more.

    Raises:
        WatchError: it cannot be followed.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    follower = _Follower(kind(parts.hostname or "", parts.port, timeout=TIMEOUT), url)
    try:
        try:
            found = reader.variants(follower.get(url).decode("utf-8", "replace"))
            variant = found[0] if found else Variant(url, 0, "", 0, 0, 0.0)
            follower.url = urljoin(url, variant.uri)
            end = clock() + seconds
            last = _follow(follower, end, clock, wall)
            others = _others(follower, found[1:])
        except ValueError as error:
            raise WatchError(f"{url}: {error}") from None
    finally:
        follower.connection.close()
    inside = look_inside(follower.init, follower.pieces)
    return _seen(follower, variant, last, inside, latency_ms, others)


def _others(follower: _Follower, variants: list[Variant]) -> tuple[Other, ...]:
    def get(uri: str) -> Playlist:
        try:
            return reader.media(follower.get(uri).decode("utf-8", "replace"))
        except WatchError as error:
            raise ValueError(str(error)) from None

    return look_at(get(follower.url), variants, get) if variants else ()


def _follow(
    follower: _Follower, end: float, clock: Callable[[], float], wall: Callable[[], float]
) -> Playlist:
    playlist = reader.media(follower.get(follower.url).decode("utf-8", "replace"))
    if not playlist.segments:
        raise WatchError("the playlist is empty")
    _history(follower, playlist)
    at = playlist.next()
    _keys(follower, playlist)
    while clock() < end and not playlist.ended and follower.octets < MAX_OCTETS:
        query = f"{follower.url}?_HLS_msn={at[0]}&_HLS_part={at[1]}"
        if not playlist.part_target:
            query = f"{follower.url}?_HLS_msn={at[0]}"
        playlist = reader.media(follower.get(query).decode("utf-8", "replace"))
        _new(follower, playlist, at, clock, wall)
        _keys(follower, playlist)
        at = playlist.next()
    return playlist


def _history(follower: _Follower, playlist: Playlist) -> None:
    """What was there before we came: the newest seconds of it."""
    done = [segment for segment in playlist.segments if segment.uri]
    chosen, seconds = 0, 0.0
    for segment in reversed(done):
        seconds += segment.duration
        if seconds > HISTORY_SECONDS:
            break
        chosen += 1
    begin = max(0, len(done) - max(1, chosen))
    for segment in done[begin:]:
        if follower.octets > HISTORY:
            follower.pieces.clear()  # a gap would look like one of the stream
            break
        follower.take(segment.uri, segment.map)
        follower.jumps += segment.discontinuity
    if not playlist.segments[-1].uri:
        for part in playlist.segments[-1].parts:
            follower.take(part.uri, playlist.segments[-1].map)


def _new(
    follower: _Follower,
    playlist: Playlist,
    at: tuple[int, int],
    clock: Callable[[], float],
    wall: Callable[[], float],
) -> None:
    for segment in playlist.segments:
        if segment.number < at[0]:
            continue
        first = at[1] if segment.number == at[0] else 0
        follower.jumps += segment.discontinuity and first == 0
        if not segment.parts and segment.uri:  # without low latency
            follower.take(segment.uri, segment.map)
            age = wall() - segment.at - segment.duration if segment.at else None
            follower.parts.append(PartSeen(segment.duration, clock(), age))
        for part in segment.parts[first:]:
            follower.take(part.uri, segment.map)
            age = wall() - part.at - part.duration if part.at else None
            follower.parts.append(PartSeen(part.duration, clock(), age))


def _keys(follower: _Follower, playlist: Playlist) -> None:
    """Where the playlist says that decoding can begin: all that is known without PyAV."""
    for segment in playlist.segments:
        for part in segment.parts:
            if part.independent and part.at > (follower.keys[-1] if follower.keys else 0.0) + 0.01:
                follower.keys.append(part.at)
            follower.key_end = max(follower.key_end, part.at + part.duration)


def _seen(
    follower: _Follower,
    variant: Variant,
    last: Playlist,
    inside: Inside | None,
    latency_ms: int,
    others: tuple[Other, ...],
) -> Seen:
    jumps = follower.jumps
    codecs = [each.strip() for each in variant.codecs.split(",") if each.strip()]
    sounds = [each for each in codecs if each.startswith(("mp4a", "opus", "ac-3", "ec-3", "fLaC"))]
    pictures = [each for each in codecs if each not in sounds]
    video: Video | None = None
    audio: Audio | None = None
    seconds = sum(part.duration for part in follower.parts)
    if inside is None:
        between = tuple(b - a for a, b in zip(follower.keys, follower.keys[1:], strict=False))
        since = follower.key_end - follower.keys[-1] if follower.keys else seconds
        if pictures:
            rate = variant.frame_rate
            video = Video(
                pictures[0], variant.width, variant.height, rate, rate, 0, 0, between, since
            )
        if sounds:
            audio = Audio(sounds[0])
    else:
        if inside.video is not None:
            between, since = inside.video.key_intervals()
            jumps += inside.video.jumps()
            seconds = inside.video.seconds
            video = Video(
                pictures[0] if pictures else "",
                inside.width or variant.width,
                inside.height or variant.height,
                inside.video.rate,
                variant.frame_rate,
                inside.video.bit_rate,
                inside.video.peak(),
                between,
                since,
                inside.video.reordered(),
            )
        if inside.audio is not None and inside.sound is not None:
            sound = inside.sound
            seconds = seconds or inside.audio.seconds
            audio = Audio(
                sounds[0] if sounds else sound.codec,
                sound.sample_rate,
                sound.channels,
                inside.audio.bit_rate,
                sound.peak_db,
            )
        elif variant.apart and sounds:
            audio = Audio(sounds[0])
    return Seen(
        seconds,
        video,
        audio,
        tuple(follower.parts),
        last.part_target,
        jumps,
        last.ended,
        inside is not None,
        latency_ms,
        others,
    )
