"""Several tracks of one encoder: how they are told apart, waited for and kept side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from metropole_media.live import Packet, Track
from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.assembly import NO_VIDEO_CONFIG
from metropole_media.rtmp.errors import UnsupportedCodec
from metropole_media.rtmp.events import Event, Notice, TracksKnown
from metropole_media.rtmp.timeline import STEP
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, Publisher

OTHER_ASC = bytes.fromhex("1208")
"""AAC-LC, 44.1 kHz, mono."""
RATELESS = bytes.fromhex("0142c01effe100086742c01eda0507e401000468cb83cb")
"""320x240, without a word about the frame rate."""
SPS_INSIDE = bytes.fromhex("00000017674d402aeca03c0113f2c2000007d20003a9801e30632c")
PPS_INSIDE = bytes.fromhex("0000000568ebe3cb20")


def video(track: int, inner: int, data: bytes, *, key: bool = True) -> bytes:
    """As OBS and FFmpeg send it: classic for track 0, OneTrack for others."""
    if track == 0:
        head = (b"\x17" if key else b"\x27") + bytes((min(inner, 1), 0, 0, 0))
        return head + data
    return (b"\x96" if key else b"\xa6") + bytes((inner,)) + b"avc1" + bytes((track,)) + data


def audio(track: int, inner: int, data: bytes) -> bytes:
    if track == 0:
        return bytes((0xAF, inner)) + data
    return b"\x95" + bytes((inner,)) + b"mp4a" + bytes((track,)) + data


def tracks_of(events: Iterable[Event]) -> list[list[int]]:
    return [
        [track.id for track in event.tracks] for event in events if isinstance(event, TracksKnown)
    ]


def packets_of(events: Iterable[Event]) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet)]


def configure(publisher: Publisher, videos: Sequence[int], audios: Sequence[int]) -> None:
    """OBS's order: metadata of the first track, sound, then pictures."""
    values: amf0.Value = {"videocodecid": 7.0, "audiocodecid": 10.0, "framerate": 30.0}
    data = amf0.encode(["@setDataFrame", "onMetaData", values])
    publisher.send(publisher.writer.message(4, messages.DATA, data))
    for track in audios:
        publisher.audio(0, audio(track, 0, ASC))
    for track in videos:
        publisher.video(0, video(track, 0, AVCC))


def test_every_track_is_announced_at_once_and_keeps_its_number(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, range(10), range(6))
    for track in range(9):
        publisher.video(0, video(track, 3, IDR))
    publisher.audio(10, audio(5, 1, b"sound"))
    # Until every picture has begun, for a first frame may hold other settings.
    assert tracks_of(publisher.events) == []
    publisher.video(0, video(9, 3, IDR))
    publisher.video(33, video(3, 1, b"\0\0\x21" + SLICE, key=False))
    assert tracks_of(publisher.events) == [[*range(10), *range(100, 106)]]
    assert [(p.track, p.dts, p.pts, p.key) for p in packets_of(publisher.events)] == [
        *((track, 0, 0, True) for track in range(9)),
        (105, 10, 10, True),
        (9, 0, 0, True),
        (3, 33, 66, False),
    ]
    assert [bytes(p.data) for p in packets_of(publisher.events)][8:] == [IDR, b"sound", IDR, SLICE]


def test_a_track_that_never_begins_holds_up_the_others_for_a_second(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0, 1), (0,))
    for stamp in range(0, 990, 33):
        publisher.video(stamp, video(0, 1, IDR))
    assert tracks_of(publisher.events) == []
    publisher.video(1000, video(0, 1, IDR))
    assert tracks_of(publisher.events) == [[0, 1, 100]]


def test_the_frame_rate_of_the_metadata_is_that_of_its_track(publisher: Publisher) -> None:
    publisher.go_live()
    values: amf0.Value = {
        "videocodecid": 7.0,
        "framerate": 60.0,
        "videoTrackIdInfoMap": {"1": {"framerate": 24.0}, "77": {}, "x": {}},
    }
    data = amf0.encode(["@setDataFrame", "onMetaData", values])
    publisher.send(publisher.writer.message(4, messages.DATA, data))
    publisher.video(0, video(0, 0, RATELESS))
    # The second is promised, and waited for.
    assert publisher.video(0, video(0, 1, IDR)) == []
    publisher.video(0, video(1, 0, RATELESS))
    publisher.video(0, video(2, 0, AVCC))
    publisher.video(0, video(2, 3, IDR))
    known = publisher.video(0, video(1, 3, IDR))[0]
    assert isinstance(known, TracksKnown)
    assert [track.frame_rate for track in known.tracks] == [60.0, 24.0, 30.0]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("video", b"\x96\x00avc1\x0a" + AVCC, "more than 10 video tracks.*OBS > Settings > Stream"),
        ("video", b"\x96\x00avc1\x64" + AVCC, "more than 10 video tracks"),
        ("audio", b"\x95\x00mp4a\x06" + ASC, "more than 6 audio tracks"),
        ("video", b"\x96\x00vp08\x01rec", "The video is VP8.*choose a video encoder for H.264"),
        ("video", b"\x93vvc1data", r"VVC \(H.266\)"),
        ("video", b"\x90a\nbcrec", r"a\?bc"),
        ("audio", b"\x90fLaCrec", "The audio is FLAC.*choose an audio encoder for AAC"),
        ("audio", b"\x91ac-3data", "AC-3"),
        ("audio", b"\x95\x01ec-3\x01data", "E-AC-3"),
        ("audio", b"\x90.mp3data", "MP3"),
    ],
)
def test_what_is_not_taken_is_told_in_words(
    publisher: Publisher, kind: str, body: bytes, words: str
) -> None:
    publisher.go_live()
    with pytest.raises(UnsupportedCodec, match=words):
        publisher.video(0, body) if kind == "video" else publisher.audio(0, body)


def test_a_track_that_begins_later_is_announced_with_its_first_frame(
    publisher: Publisher,
) -> None:
    publisher.go_live()
    configure(publisher, (0,), (0,))
    publisher.video(0, video(0, 1, IDR))
    publisher.video(500, video(1, 0, AVCC))
    publisher.video(500, video(2, 0, AVCC))
    assert tracks_of(publisher.events) == [[0, 100]]
    publisher.video(500, video(1, 3, IDR))
    assert tracks_of(publisher.events) == [[0, 100], [0, 1, 2, 100]]


def test_the_end_of_tracks_at_time_0_leaves_the_time_alone(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0, 1), (0,))
    publisher.video(50_000, video(0, 1, IDR))
    publisher.video(50_000, video(1, 3, IDR))
    publisher.video(0, video(1, 2, b"", key=False))
    publisher.video(0, b"\x17\2\0\0\0")
    publisher.audio(50_010, audio(0, 1, b"sound"))
    publisher.video(50_033, video(1, 3, SLICE, key=False))
    assert [p.dts for p in packets_of(publisher.events)] == [50_000, 50_000, 50_010, 50_033]


def test_tracks_stay_side_by_side_when_the_clock_jumps(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0, 1, 2), (0,))
    for stamp in (60_000, 60_033):
        for track in (0, 1, 2):
            publisher.video(stamp, video(track, 3, IDR))
    for track in (0, 1, 2):
        publisher.video(5, video(track, 3, IDR))
    assert [p.dts for p in packets_of(publisher.events)][-3:] == [60_033 + STEP] * 3


def test_settings_that_change_inside_a_frame_are_those_of_its_track(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0, 1), (0,))
    publisher.video(0, video(0, 1, IDR))
    publisher.video(0, video(1, 3, IDR))
    known, packet = publisher.video(33, video(1, 3, SPS_INSIDE + PPS_INSIDE + IDR))
    assert isinstance(known, TracksKnown)
    assert [(track.id, track.width) for track in known.tracks] == [(0, 1280), (1, 1920), (100, 0)]
    assert isinstance(packet, Packet)
    assert packet.track == 1


def test_a_changed_configuration_is_that_of_its_track(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0,), (0, 1))
    publisher.video(0, video(0, 1, IDR))
    publisher.audio(20, audio(1, 0, OTHER_ASC))
    known, _ = publisher.audio(20, audio(1, 1, b"sound"))
    assert isinstance(known, TracksKnown)
    assert [track.sample_rate for track in known.tracks] == [0, 48_000, 44_100]
    # And the same one again is no change.
    publisher.audio(40, audio(1, 0, OTHER_ASC))
    assert len(publisher.audio(40, audio(1, 1, b"sound"))) == 1


def test_a_track_without_configuration_is_told_and_left_out(publisher: Publisher) -> None:
    publisher.go_live()
    configure(publisher, (0,), (0,))
    for stamp in range(70):
        publisher.video(stamp, video(0, 1, IDR))
        publisher.video(stamp, video(1, 3, IDR))
    assert {p.track for p in packets_of(publisher.events)} == {0}
    assert [e.sentence for e in publisher.events if isinstance(e, Notice)] == [NO_VIDEO_CONFIG]


def test_tracks_are_as_before_where_an_encoder_names_its_codec(publisher: Publisher) -> None:
    """H.264 and AAC by FourCC, in one message for all tracks."""
    publisher.go_live()
    size = len(AVCC).to_bytes(3, "big")
    publisher.video(0, b"\x96\x10avc1\0" + size + AVCC + b"\1" + size + AVCC)
    publisher.audio(0, b"\x90mp4a" + ASC)
    publisher.audio(0, b"\x91mp4asound")
    frame = (len(IDR) + 3).to_bytes(3, "big") + b"\0\0\x28" + IDR
    publisher.video(0, b"\x96\x11avc1\0" + frame + b"\1" + frame)
    (known,) = (event for event in publisher.events if isinstance(event, TracksKnown))
    assert [track.id for track in known.tracks] == [0, 1, 100]
    first: Track = known.tracks[0]
    assert (first.fourcc, first.config, first.width, first.bit_depth) == ("avc1", AVCC, 1280, 8)
    assert [(p.track, p.dts, p.pts) for p in packets_of(publisher.events)] == [
        (100, 0, 0),
        (0, 0, 40),
        (1, 0, 40),
    ]


# The answer to connect


def connected(publisher: Publisher, asked: dict[str, amf0.Value]) -> list[amf0.Value]:
    publisher.shake()
    publisher.command("connect", 1.0, {"app": "live", **asked})
    (answer,) = (m for m in publisher.answers() if m.type == messages.COMMAND)
    return amf0.decode(bytes(answer.payload))


def test_an_encoder_that_asks_for_nothing_gets_the_plain_answer(publisher: Publisher) -> None:
    _, _, properties, information = connected(publisher, {"capsEx": None})
    assert isinstance(properties, dict)
    assert isinstance(information, dict)
    assert set(properties) == {"fmsVer", "capabilities", "mode", "server"}
    assert set(information) == {"level", "code", "description", "objectEncoding"}


@pytest.mark.parametrize(
    "asked",
    [
        {"fourCcList": ["av01", "hvc1"]},
        {"videoFourCcInfoMap": {"*": 4.0}},
        {"audioFourCcInfoMap": {}},
        {"capsEx": 15.0, "objectEncoding": 3.0},
    ],
)
def test_an_encoder_that_speaks_enhanced_rtmp_hears_what_is_taken(
    publisher: Publisher, asked: dict[str, amf0.Value]
) -> None:
    _, _, properties, information = connected(publisher, asked)
    for part in (properties, information):
        assert isinstance(part, dict)
        assert isinstance(part["fourCcList"], list)
        assert {"avc1", "mp4a"} <= set(map(str, part["fourCcList"]))
        assert isinstance(part["videoFourCcInfoMap"], dict)
        assert part["videoFourCcInfoMap"]["avc1"] == 5.0
        assert isinstance(part["audioFourCcInfoMap"], dict)
        assert part["audioFourCcInfoMap"]["mp4a"] == 5.0
        assert part["capsEx"] == 6.0
    assert isinstance(information, dict)
    assert information["objectEncoding"] == 0.0
