"""Streams as faulty encoders send them, from the octets of RTMP to the playlist, in memory.

`stream_cases` has what arrives at a player, over sockets; here stands what is found and told, by
whom: the ingest's notices, the packager's codes, the meter's findings. A neighbour without fault
shares the memory with each.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from metropole_core.testing import FakeClock
from metropole_media.health import Meter
from metropole_media.hls.budget import Budget
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import LiveStream, Packet
from metropole_media.packaged import Init, Part
from metropole_media.packager import Packager
from metropole_media.rtmp.errors import ProtocolError
from metropole_media.rtmp.events import Notice, TracksKnown
from tests.support.clips import clip
from tests.support.packaging import Taken
from tests.support.rtmp_encoder import Publisher
from tests.support.rtmp_script import WRAP, Script, Sent, later, ordered, script, stamped, without
from tests.support.stream_cases import parameter_sets, sets_inside

LIMIT = 832 * 1024
"""Octets that a stream's window may take: less than the longest case sends."""


@dataclass
class Kept(Taken):
    """Parts by initialisation segment, with the moment of each."""

    clock: Callable[[], float] = lambda: 0.0
    pieces: list[tuple[Init, list[tuple[float, Part]]]] = field(default_factory=list)
    most: int = 0

    def on_init(self, init: Init) -> None:
        super().on_init(init)
        self.pieces.append((init, []))

    def on_part(self, part: Part) -> None:
        super().on_part(part)
        self.pieces[-1][1].append((self.clock(), part))
        self.most = max(self.most, self.window.octets)


class Bench:
    """One encoder, its session, stream, packager, window and meter.

    Fields:
        kept: what the packager made.
        notices: what the ingest told.
        refused: why it sent the encoder away.
        found: codes of the meter, at any time.
    """

    def __init__(self, clock: FakeClock, budget: Budget) -> None:
        self.clock = clock
        self.began = clock.monotonic()
        self.notices: list[Notice] = []
        self.found: set[str] = set()
        self.refused = ""
        self._publisher = Publisher()
        share = budget.open(LIMIT)
        window = Window(WindowLimits(max_octets=LIMIT), clock.monotonic, budget=share)
        self.kept = Kept(window, clock=clock.monotonic)
        self.packager = Packager(self.kept, clock.monotonic, clock.time)
        self.packager.limit_segments(LIMIT // 2)
        self.meter = Meter(clock.monotonic)
        stream = LiveStream("bench", clock.monotonic)
        stream.subscribe(self.packager)
        stream.subscribe(self.meter)
        self._stream, self._handle = stream, stream.attach()
        self._publisher.go_live()

    def take(self, sent: Sent) -> None:
        """A message arrives, unless the encoder was sent away."""
        if self.refused:
            return
        publisher = self._publisher
        data = publisher.writer.message(sent.csid, sent.kind, sent.body, timestamp=sent.timestamp)
        try:
            events = publisher.send(data)
        except ProtocolError as error:
            self.refused = str(error)
            return
        for event in events:
            if isinstance(event, TracksKnown):
                self._handle.describe(event.tracks)
            elif isinstance(event, Packet):
                self._handle.write(event)
            elif isinstance(event, Notice):
                self.notices.append(event)
        publisher.events.clear()

    def look(self) -> None:
        """A second is over."""
        self.found |= {finding.code for finding in self.meter.look().findings}

    def end(self) -> None:
        """The encoder has sent all."""
        self._handle.detach()
        self._stream.end()


def play(*scripts: Script) -> list[Bench]:
    """Let each script arrive at a bench of its own, side by side, each message at its time."""
    clock, budget = FakeClock(), Budget(len(scripts) * LIMIT)
    benches = [Bench(clock, budget) for _ in scripts]
    ends = [each[-1].at for each in scripts]
    messages = [(one.at, n, one) for n, each in enumerate(scripts) for one in each]
    began, looked = clock.monotonic(), 0
    for at, number, sent in sorted(messages, key=lambda each: each[:2]):
        while looked + 1 <= at:
            looked += 1
            clock.advance(began + looked - clock.monotonic())
            for bench, end in zip(benches, ends, strict=True):
                if looked <= end:
                    bench.look()
        clock.advance(max(0.0, began + at - clock.monotonic()))
        benches[number].take(sent)
        if sent is scripts[number][-1]:
            benches[number].end()
    return benches


@dataclass(frozen=True)
class Case:
    """One way to send, and who tells what about it. Everything told must be named here.

    Fields:
        ingest, packager, meter: codes, with blanks between.
        refused: words with which the ingest sends the encoder away.
        sizes: of the picture, in each initialisation segment; 0 without.
        heals: from which second on everything can be decoded; 0.0: all of it.
        lost: pictures and packets of sound that do not come out, at most. What comes before the
            first picture is left out.
        silence: seconds of it that are put in.
        steady: seconds between two parts, at most.
        held: seconds between a frame's decoding and its showing, at most; B-frames take a tenth.
            A frame that fills a gap before it is decoded early by so much.
    """

    name: str
    make: Callable[[], Script]
    ingest: str = ""
    packager: str = ""
    meter: str = ""
    refused: str = ""
    sizes: tuple[int, ...] = (320,)
    heals: float = 0.0
    lost: tuple[int, int] = (0, 2)
    silence: float = 0.0
    steady: float = 0.5
    held: float = 0.25


def good(
    seconds: float = 6.0, gop: int = 60, fps: int = 30, video: str = "h264", width: int = 320
) -> Script:
    """What an encoder without fault sends."""
    return _script(seconds, gop, fps, video, "aac", width)


def alone(video: str = "", audio: str = "") -> Script:
    """Without sound, or without picture."""
    return _script(11.0, 60, 30, video, audio, 320)


def _script(seconds: float, gop: int, fps: int, video: str, audio: str, width: int) -> Script:
    source = clip(video, audio, seconds, fps, gop, (width, width * 9 // 16))
    sent = script(source)
    return [enhanced(one) for one in sent] if video.startswith("hevc") else sent


def enhanced(one: Sent) -> Sent:
    """HEVC goes in messages of Enhanced RTMP."""
    if not one.video:
        return one
    head = 0x80 | one.body[0] & 0x70 | one.body[1]
    data = one.body[2:] if one.frame else one.body[5:]
    return replace(one, body=bytes((head,)) + b"hvc1" + data)


def then(first: Script, second: Script, seconds: float = 6.0) -> Script:
    return [*first, *later(second, seconds)]


def jump(by: int) -> Script:
    """By so many milliseconds, after three seconds."""
    return stamped(good(), lambda one: one.timestamp + by * (one.at > 3))


def of_picture(
    source: Script, change: Callable[[bytes], bytes], begin: float = 2.2, end: float = 3.6
) -> Script:
    """With every third frame between two moments changed; key frames are not."""
    return [
        replace(one, body=one.body[:5] + change(one.body[5:]))
        if one.video and one.frame and not one.key and begin <= one.at < end and n % 3 == 0
        else one
        for n, one in enumerate(source)
    ]


def gone(track: str, begin: float, end: float, seconds: float) -> Script:
    """Without picture, or without sound, between two moments."""
    return without(
        good(seconds),
        lambda one: one.frame and getattr(one, track) and begin <= one.at < end,
    )


def uneven(source: Script, most: int) -> Script:
    """With time stamps of the picture that are wrong by so many milliseconds at most."""
    chance = random.Random(5)
    return [
        replace(one, timestamp=max(0, one.timestamp + chance.randint(-most, most)))
        if one.video and one.frame
        else one
        for one in source
    ]


def varying() -> Script:
    """As a phone sends it, which films slower in the dark."""
    chance, at = random.Random(3), 0
    found: list[Sent] = []
    sound = [one for one in good(9.0) if one.audio]
    for one in good():
        if one.video and one.frame:
            found.append(replace(one, at=at / 1000, timestamp=at))
            at += chance.choice((17, 33, 34, 50, 67))
        elif not one.audio:
            found.append(one)
    return ordered([*found, *(one for one in sound if one.at * 1000 < at)])


def headers_again() -> Script:
    """The sequence headers stand before each key frame."""
    headers = [one for one in good(gop=20) if one.header]
    found: list[Sent] = []
    for one in good(gop=20):
        if one.key:
            found += [replace(each, at=one.at, timestamp=one.timestamp) for each in headers]
        found.append(one)
    return found


def inside(header: Callable[[bytes], bytes | None]) -> Script:
    """The parameter sets stand in key frames.

    Arguments:
        header: what is left of the decoder configuration record; None: it is not sent.
    """
    source = clip("h264", "aac", 11.0, 30, 60)
    found: list[Sent] = []
    for one in sets_inside(script(source), parameter_sets(source)):
        if not (one.header and one.video):
            found.append(one)
        elif (left := header(one.body[5:])) is not None:
            found.append(replace(one, body=one.body[:5] + left))
    return found


def offset(milliseconds: Callable[[int], int]) -> Script:
    """B-frames whose composition times are wrong: given the right one."""

    def wrong(body: bytes) -> bytes:
        right = int.from_bytes(body[2:5], "big", signed=True)
        return body[:2] + milliseconds(right).to_bytes(3, "big", signed=True) + body[5:]

    source = good(video="h264-b")
    return [replace(o, body=wrong(o.body)) if o.video and o.frame else o for o in source]


def shifted(track: str, milliseconds: int) -> Script:
    return stamped(
        good(9.0),
        lambda one: one.timestamp + 5000 + milliseconds * (one.frame and getattr(one, track)),
    )


BAD_STREAMS = [
    Case("no sequence header", lambda: without(good(), lambda one: one.header),
         ingest="no_video_config no_audio_config", sizes=()),
    Case("no sequence header for the picture",
         lambda: without(good(11.0), lambda one: one.header and one.video),
         ingest="no_video_config", meter="no_video", sizes=(0,), lost=(330, 2)),
    Case("sequence headers before each key frame", headers_again),
    Case("parameter sets in key frames, a sequence header without any",
         lambda: inside(lambda record: record[:5] + b"\xe0\0"),
         refused="holds no sequence parameter set", sizes=()),
    Case("parameter sets in key frames, no sequence header",
         lambda: inside(lambda record: None),
         ingest="no_video_config", meter="no_video", sizes=(0,), lost=(330, 2)),
    Case("another size", lambda: then(good(), good(width=160)), sizes=(320, 160)),
    Case("another codec", lambda: then(good(), good(video="hevc")),
         meter="few_browsers", sizes=(320, 320)),
    Case("a jump of an hour ahead", lambda: jump(3_600_000), ingest="timestamps_jump"),
    Case("a jump of three seconds back", lambda: jump(-3000), ingest="timestamps_jump"),
    Case("time stamps that wrap",
         lambda: stamped(good(), lambda one: one.timestamp + WRAP - 3000)),
    Case("sound alone", lambda: alone(audio="aac"), meter="no_video", sizes=(0,)),
    Case("picture alone", lambda: alone("h264"), meter="no_audio"),
    Case("a frame rate that varies", varying, meter="variable_frame_rate"),
    Case("time stamps that jitter", lambda: uneven(good(), 15), meter="variable_frame_rate"),
    Case("one frame a second", lambda: good(10.0, 2, 1), steady=1.1),
    Case("120 frames a second", lambda: good(3.0, 240, 120)),
    Case("key frames every 20 s", lambda: good(24.0, 200, 10),
         packager="long_gop", meter="long_gop"),
    Case("key frames beside the grid of parts", lambda: good(gop=43)),
    Case("sound that stops for five seconds", lambda: gone("audio", 2, 7, 9.0),
         packager="audio_stalled", meter="audio_stalled", silence=5.0),
    Case("a picture that stops for five seconds", lambda: gone("video", 2, 7, 9.0),
         packager="video_stalled", meter="video_stalled", steady=1.1, held=5.1),
    Case("sound two seconds behind", lambda: shifted("audio", -2000),
         packager="audio_stalled", meter="av_offset", lost=(0, 95), silence=2.0),
    Case("sound two seconds ahead", lambda: shifted("audio", 2000), meter="av_offset"),
    Case("frames without octets", lambda: of_picture(good(11.0), lambda data: b""),
         meter="frames_dropped", heals=4.0, lost=(14, 2)),
    Case("frames cut off", lambda: of_picture(good(11.0), lambda data: data[: len(data) // 2]),
         ingest="frames_unreadable", meter="frames_dropped", heals=4.0, lost=(14, 2)),
    Case("frames reordered, all offsets zero", lambda: offset(lambda right: 0)),
    Case("frames reordered, offsets of an hour", lambda: offset(lambda right: 3_600_000)),
    Case("frames reordered, offsets below zero", lambda: offset(lambda right: right - 67)),
]  # fmt: skip


def codes(words: str) -> set[str]:
    """Codes of a case."""
    return set(words.split())
