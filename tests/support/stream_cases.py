"""Streams as encoders send them, right and wrong, and what is to become of each."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from metropole_media.rtmp import amf0, messages
from tests.support.encoded import Encoded, encode
from tests.support.rtmp_script import (
    WRAP,
    Script,
    Sent,
    later,
    metadata,
    nth_picture,
    ordered,
    script,
    stamped,
    without,
)


@dataclass(frozen=True)
class Case:
    """One way to send.

    Fields:
        scripts: what each publisher sends; a second one comes when the first has gone.
        pieces: size of the picture and sampling rate of each initialisation segment.
        pictures: how many are shown in all; None: it does not matter.
        words: what the log says.
        decodes: False: it could not be decoded when it was sent.
        in_time: False: its time stamps mean nothing.
        plays: False: there is nothing to be played.
        taken: False: the encoder is refused in the middle.
        away: seconds between two publishers.
    """

    name: str
    scripts: Callable[[], list[Script]]
    pieces: tuple[tuple[tuple[int, int], int], ...] = (((160, 90), 48_000),)
    pictures: int | None = 180
    words: str = ""
    decodes: bool = True
    in_time: bool = True
    plays: bool = True
    taken: bool = True
    away: float = 0.0


def usual(**change: object) -> Script:
    return script(encode(**{"seconds": 6.0, **change}))  # type: ignore[arg-type]


def of(case: str, *scripts: Callable[[], Script], **fields: object) -> Case:
    return Case(case, lambda: [make() for make in scripts], **fields)  # type: ignore[arg-type]


SMALL, LARGE, NONE = (160, 90), (320, 180), (0, 0)
BOTH = (SMALL, 48_000)


# Descriptions


def headerless(kind: str) -> Script:
    return without(usual(), lambda one: one.header and (kind == "all" or getattr(one, kind)))


def late_header(kind: str, at: float) -> Script:
    source = usual()
    header = next(one for one in source if one.header and getattr(one, kind))
    rest = without(source[1:], lambda one: one is header)
    return ordered([*rest, replace(header, at=at, timestamp=round(at * 1000))])


def repeated_headers() -> Script:
    source = usual()
    headers = [one for one in source if one.header]
    again = [
        replace(one, at=at + 0.01, timestamp=at * 1000) for at in range(1, 6) for one in headers
    ]
    return ordered([*source, *again])


def with_metadata(values: dict[str, amf0.Value], source: Script) -> Script:
    return [metadata(values), *source[1:]]


def then(**change: object) -> Script:
    """Six seconds as usual, six seconds with something changed."""
    return [*usual(), *later(usual(take=1, **change), 6.0)]


LIES: dict[str, amf0.Value] = {
    "videocodecid": 12.0, "audiocodecid": 2.0, "framerate": 999.0, "width": -1.0,
    "duration": float("nan"), "audiosamplerate": 1e300, "level": {"deep": [None, True]},
}  # fmt: skip

DESCRIPTIONS = [
    of("sound alone", lambda: usual(video=False), pieces=((NONE, 48_000),), pictures=0),
    of("picture alone", lambda: usual(audio=False), pieces=((SMALL, 0),)),
    of("no metadata", lambda: usual()[1:]),
    of("metadata that lies", lambda: with_metadata(LIES, usual(fps=60, gop=120)), pictures=360),
    of(
        "metadata that promises a picture",
        lambda: with_metadata({"videocodecid": 7.0, "audiocodecid": 10.0}, usual(video=False)),
        pieces=((NONE, 48_000),),
        pictures=0,
    ),
    of("no sequence header", lambda: headerless("all"), plays=False, words="how to decode it"),
    of(
        "no sequence header for the picture",
        lambda: headerless("video"),
        pieces=((NONE, 48_000),),
        pictures=0,
        words="viewers see no picture",
    ),
    of(
        "no sequence header for the sound",
        lambda: headerless("audio"),
        pieces=((SMALL, 0),),
        words="viewers hear nothing",
    ),
    of(
        "sequence header of the picture late",
        lambda: late_header("video", 1.5),
        pieces=((NONE, 48_000), BOTH),
        pictures=120,
    ),
    of(
        "sequence header of the sound late",
        lambda: late_header("audio", 2.5),
        pieces=((SMALL, 0), BOTH),
    ),
    of("sequence headers repeated", repeated_headers),
    of("another size", lambda: then(size=LARGE), pieces=(BOTH, (LARGE, 48_000)), pictures=360),
    of(
        "another profile",
        lambda: then(bframes=2, x264="cabac=1:8x8dct=1"),
        pieces=(BOTH, BOTH),
        pictures=360,
    ),
    of(
        "another sampling rate",
        lambda: then(rate=44_100),
        pieces=(BOTH, (SMALL, 44_100)),
        pictures=360,
    ),
    of("other channels", lambda: then(layout="mono"), pieces=(BOTH, BOTH), pictures=360),
    of("another frame rate", lambda: then(fps=60, gop=120), pieces=(BOTH, BOTH), pictures=540),
]

RETURNS = [
    of("returns as it was", usual, lambda: usual(seconds=5.0, take=1), pictures=330, away=5),
    of(
        "returns with another size",
        usual,
        lambda: usual(size=LARGE, take=1),
        pieces=(BOTH, (LARGE, 48_000)),
        pictures=360,
        away=5,
    ),
    of(
        "returns with another sampling rate",
        usual,
        lambda: usual(rate=44_100, take=1),
        pieces=(BOTH, (SMALL, 44_100)),
        pictures=360,
        away=25,
    ),
    of(
        "returns without picture, then without sound",
        usual,
        lambda: usual(video=False, take=1),
        lambda: usual(audio=False, take=2),
        pieces=(BOTH, (NONE, 48_000), (SMALL, 0)),
        pictures=360,
        away=2,
    ),
    of(
        "returns over and over",
        *[lambda take=take: usual(seconds=2.1, take=take) for take in range(8)],
        pictures=8 * 63,
        away=1,
    ),
]


# Time


def at_times(times: list[int]) -> Script:
    """Pictures at these milliseconds, with sound."""
    source = encode(fps=30, seconds=len(times) / 30, gop=40)
    pictures = [
        replace(packet, dts=at, pts=at) for packet, at in zip(source.of(0), times, strict=True)
    ]
    sound = [packet for packet in encode(seconds=12.0).of(100) if packet.dts < times[-1]]
    packets = sorted([*pictures, *sound], key=lambda packet: packet.dts)
    return script(Encoded(source.tracks, tuple(packets)))


def uneven() -> Script:
    steps = random.Random(3).choices([8, 16, 17, 33, 34, 50, 100], k=240)
    times = [0]
    for step in steps[1:]:
        times.append(times[-1] + step)
    return at_times(times)


def silent_between(begin: int, end: int, seconds: float = 6.0) -> Script:
    return without(
        usual(seconds=seconds), lambda one: one.audio and one.frame and begin <= one.dts < end
    )


def jumps(by: int, at: float = 4.0, **change: object) -> Script:
    return stamped(usual(**change), lambda one: one.timestamp + by * (one.at > at))


RATES = [1, 15, 24, 25, Fraction(30_000, 1001), 30, 50, Fraction(60_000, 1001), 60, 120]
TIMES = [
    *(
        of(
            f"{float(rate):.2f} frames a second",
            lambda rate=rate: usual(fps=rate, gop=round(rate * 2)),
            pictures=round(6 * rate),
        )
        for rate in RATES
    ),
    *(
        of(
            f"{count} frames reordered",
            lambda count=count: usual(bframes=count, x264="b-adapt=0:b-pyramid=normal:ref=4"),
        )
        for count in (1, 2, 3, 4)
    ),
    of("an uneven frame rate", uneven, pictures=240),
    of("sound two seconds late", lambda: silent_between(0, 2000), words="hear silence"),
    of(
        "sound that stops for five seconds",
        lambda: silent_between(3000, 8000, seconds=12.0),
        pictures=360,
        words="hear silence",
    ),
    of("sound that ends", lambda: silent_between(3000, 9000), words="hear silence"),
    of(
        "a picture that stops for five seconds",
        lambda: without(
            usual(seconds=12.0), lambda one: one.video and one.frame and 3000 <= one.dts < 8000
        ),
        pictures=210,
        words="sound but no picture",
    ),
    of(
        "nothing for five seconds",
        lambda: without(usual(seconds=12.0), lambda one: one.frame and 3000 <= one.dts < 8000),
        pictures=210,
        in_time=False,
    ),
    of("time stamps that wrap", lambda: stamped(usual(), lambda one: one.timestamp + WRAP - 1000)),
    of("a jump of ten seconds ahead", lambda: jumps(10_000)),
    of("a jump of a day ahead", lambda: jumps(86_400_000)),
    of("a jump of three seconds back", lambda: jumps(-3000)),
    of("a jump back to zero", lambda: jumps(-4000)),
    of("a small jump back", lambda: jumps(-500), decodes=False, in_time=False),
    of(
        "a picture ahead of its sound",
        lambda: stamped(usual(), lambda one: one.timestamp + 1500 * one.video),
        in_time=False,
        words="hear silence",
    ),
    of(
        "clocks that know nothing of each other",
        lambda: stamped(usual(), lambda one: one.timestamp + 900_000 * one.audio),
    ),
    of(
        "time stamps all zero",
        lambda: stamped(usual(), lambda one: 0),
        decodes=False,
        in_time=False,
        words="stand still",
    ),
    of(
        "time stamps zero for the picture",
        lambda: stamped(usual(), lambda one: one.timestamp * (not one.video)),
        decodes=False,
        in_time=False,
        pictures=None,
        words="stand still",
    ),
    of(
        "time stamps zero for the sound",
        lambda: stamped(usual(), lambda one: one.timestamp * (not one.audio)),
        in_time=False,
        words="stand still",
    ),
    of(
        "time that goes twice as fast",
        lambda: stamped(usual(), lambda one: one.timestamp * 2),
        in_time=False,
    ),
    of(
        "time that goes half as fast",
        lambda: stamped(usual(), lambda one: one.timestamp // 2),
        in_time=False,
    ),
]


# Frames


def gop(frames: int, seconds: float) -> Callable[[], Script]:
    return lambda: usual(gop=frames, seconds=seconds)


def payload(one: Sent, change: Callable[[bytes], bytes]) -> Sent:
    """With another frame in the same tag."""
    return replace(one, body=one.body[:5] + change(one.body[5:]))


def spoilt(change: Callable[[bytes], bytes], every: int = 45) -> Callable[[], Script]:
    return lambda: nth_picture(usual(), every, lambda one: payload(one, change))


def sets_inside(source: Script, sets: bytes) -> Script:
    return [payload(one, lambda data: sets + data) if one.key else one for one in source]


def without_headers(source: Script) -> Script:
    return [one for one in source if one.frame]


def parameter_sets(track_of: Encoded) -> bytes:
    """The sets of a record, as NAL units of a frame. x264 writes one of each."""
    record = track_of.tracks[0].config
    size = int.from_bytes(record[6:8], "big")
    sps, pps = record[8 : 8 + size], record[8 + size + 3 :]
    pps = pps[: int.from_bytes(record[8 + size + 1 : 8 + size + 3], "big")]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in (sps, pps))


def other_sets_inside() -> Script:
    other = encode(seconds=6.0, size=LARGE, take=1)
    changed = without_headers(sets_inside(script(other), parameter_sets(other)))
    return [*usual(), *later(changed, 6.0)]


def extra(body: bytes, every: int = 5) -> Script:
    """With messages in between that carry no frame."""
    return [
        each
        for one in usual()
        for each in (
            [one, replace(one, body=body, packet=None)]
            if one.video and one.frame and one.dts % every == 0
            else [one]
        )
    ]


DELIMITER, ENRICHMENT = b"\0\0\0\2\x09\x10", b"\0\0\0\4\x06\x05\x01\x80"
LONG = "too far apart"
LOST = 176
"""Pictures left when every 45th of 180 is left out."""

FRAMES = [
    of("key frames every quarter of a second", gop(8, 6.0)),
    of("key frames every 8 s", gop(240, 20.0), pictures=600, words=LONG),
    of("key frames every 30 s", gop(900, 34.0), pictures=1020, words=LONG),
    of("nothing but key frames", gop(1, 4.0), pictures=120),
    of(
        "key frames of a megabit",
        lambda: usual(size=(1280, 720), fps=10, gop=20),
        pieces=(((1280, 720), 48_000),),
        pictures=60,
    ),
    of(
        "no key frame",
        lambda: without(usual(seconds=12.0), lambda one: one.key),
        plays=False,
        words="no key frame",
    ),
    of(
        "a first key frame that comes late",
        lambda: without(usual(), lambda one: one.key and one.at < 3.9),
        pictures=60,
    ),
    of(
        "every frame flagged as a key frame",
        lambda: [replace(m, body=b"\x17" + m.body[1:]) if m.video else m for m in usual()],
    ),
    of(
        "no frame flagged as a key frame",
        lambda: [
            replace(m, body=b"\x27" + m.body[1:]) if m.video and m.frame else m for m in usual()
        ],
    ),
    of("frames without octets", spoilt(lambda data: b""), decodes=False, pictures=LOST),
    of(
        "messages without octets",
        lambda: nth_picture(usual(), 45, lambda one: replace(one, body=b"")),
        decodes=False,
        pictures=LOST,
    ),
    of(
        "a message cut off in its head",
        lambda: nth_picture(usual(), 45, lambda one: replace(one, body=one.body[:3])),
        taken=False,
        pictures=None,
        words="cut off",
    ),
    of(
        "frames cut off",
        spoilt(lambda data: data[: len(data) // 2]),
        decodes=False,
        pictures=LOST,
        words="cannot be read",
    ),
    of(
        "lengths beyond the frame",
        spoilt(lambda data: b"\x7f\xff\xff\xff" + data[4:]),
        decodes=False,
        pictures=LOST,
        words="cannot be read",
    ),
    of(
        "units of no length",
        spoilt(lambda data: bytes(4) + data),
        decodes=False,
        pictures=LOST,
        words="cannot be read",
    ),
    of(
        "rubbish behind the frame",
        spoilt(lambda data: data + b"\1\2"),
        words="cannot be read",
    ),
    of(
        "nothing but an access unit delimiter",
        spoilt(lambda data: DELIMITER),
        decodes=False,
        pictures=LOST,
    ),
    of("a delimiter in every frame", spoilt(lambda data: DELIMITER + data, every=1)),
    of("enrichment on its own", lambda: extra(b"\x27\1\0\0\0" + ENRICHMENT)),
    of("the end of a sequence in between", lambda: extra(b"\x17\2\0\0\0", every=200)),
    of(
        "empty sequence headers in between",
        lambda: extra(b"\x17\0\0\0\0", every=200),
    ),
    of("shown in two hours", lambda: _shown(b"\x6d\xdd\x00"), in_time=False),
    of("shown two hours ago", lambda: _shown(b"\x92\x23\x00"), in_time=False),
    of(
        "the same parameter sets in key frames",
        lambda: sets_inside(usual(), parameter_sets(encode(seconds=6.0))),
    ),
    of(
        "other parameter sets in key frames, without a sequence header",
        other_sets_inside,
        pieces=(BOTH, (LARGE, 48_000)),
        pictures=360,
    ),
    of(
        "a wrong configuration in the middle",
        lambda: [*usual(), Sent(6.0, messages.VIDEO, 6000, b"\x17\0\0\0\0\1\2")],
        taken=False,
        pictures=None,
        words="configuration is cut off",
    ),
    of(
        "a wrong configuration of the sound in the middle",
        lambda: [*usual(), Sent(6.0, messages.AUDIO, 6000, b"\xaf\0\xff\xff")],
        taken=False,
        pictures=None,
        words="configuration is cut off",
    ),
    of(
        "rubbish instead of sound",
        lambda: [
            replace(one, body=b"\xaf\1" + bytes(range(200)))
            if one.audio and one.frame and one.dts % 5 == 0
            else one
            for one in usual()
        ],
        decodes=False,
    ),
]


def _shown(offset: bytes) -> Script:
    return nth_picture(
        usual(), 20, lambda one: replace(one, body=one.body[:2] + offset + one.body[5:])
    )


CASES = [*DESCRIPTIONS, *RETURNS, *TIMES, *FRAMES]
