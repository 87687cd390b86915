"""What encoders send, right and wrong, through the whole chain: RTMP socket, ingest, provider, HLS,
player. Whatever comes, nothing fails, playlists keep every rule, and what could be decoded when it
was sent can be decoded, in time, when it is fetched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from metropole_egress_hls.egress import HlsEgress
from metropole_egress_hls.settings import HlsSettings

from metropole_core.testing import FakeClock, make_broadcast, make_context
from metropole_media.live import LiveStream, Packet
from metropole_media.packager import LEARN_PACKETS, MAX_SAMPLES
from metropole_media.rtmp.events import TracksKnown
from tests.support.playlist_check import check_history
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, Publisher, filler
from tests.support.rtmp_script import Script
from tests.support.stream_cases import CASES, Case, usual
from tests.support.studio import Piece, Reading, Studio, complaints, digest, read

SOUND_TOLERANCE = 0.065
"""Sound lies on a grid of its own; up to 60 ms beside its time stamps."""
PICTURE_TOLERANCE = 0.0025
KEY = "lab"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_it_arrives(case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scripts = case.scripts()
    async with Studio() as studio:
        watching = asyncio.create_task(studio.watch(KEY))
        for script_ in scripts:
            studio.clock.advance(case.away if script_ is not scripts[0] else 0.0)
            assert await studio.publish(KEY, script_) is case.taken
        viewer = await watching
        studio.end(KEY)
        pieces = await viewer.finish()
        available = KEY in studio.doors.available

    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert case.words in caplog.text
    assert available is case.plays
    if not case.plays:
        assert pieces == []
        return
    check_history(viewer.texts)
    readings = [read(piece) for piece in pieces]
    assert [(reading.size, reading.rate) for reading in readings] == list(case.pieces)
    if case.pictures is not None:
        assert sum(len(reading.video) for reading in readings) == case.pictures
    for piece, reading in zip(pieces, readings, strict=True):
        check_times(reading)
        if case.in_time:
            for script_ in scripts:
                check_sync(reading, script_)
        if case.decodes:
            check_decodes(piece, reading, tmp_path)


def check_times(reading: Reading) -> None:
    """Times grow, without a hole; nothing is shown before it is decoded."""
    for track in (reading.video, reading.audio):
        for one, other in pairwise(track):
            assert one.dts < other.dts
            assert other.dts - one.dts - one.duration == pytest.approx(0, abs=0.0006)


def check_sync(reading: Reading, sent_by_one: Script) -> None:
    """Between what was sent and what was shown lies the same time for all, picture and sound."""
    frames = [one.packet for one in sent_by_one if one.packet]
    sent = {digest(packet.data): packet.pts / 1000 for packet in frames}
    assert len(sent) == len(frames), "two frames are alike"
    shifts = [
        [shown.pts - sent[shown.digest] for shown in track if shown.digest in sent]
        for track in (reading.video, reading.audio)
    ]
    for found, tolerance in zip(shifts, (PICTURE_TOLERANCE, SOUND_TOLERANCE), strict=True):
        if found:
            assert max(found) - min(found) <= tolerance
    if all(shifts):
        assert abs(reading.video[0].dts - reading.audio[0].dts) < 0.3
        assert abs(min(shifts[0]) - min(shifts[1])) <= SOUND_TOLERANCE


def check_decodes(piece: Piece, reading: Reading, folder: Path) -> None:
    assert reading.wrong == 0
    assert reading.pictures == len(reading.video)
    assert reading.sounds == len(reading.audio)
    assert complaints(piece, folder) == ""


async def test_a_neighbour_notices_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """While others do their worst, one encoder's stream goes on as if it were alone."""
    steps = usual(seconds=12.0)
    worst = [case for case in CASES if not (case.decodes and case.in_time and case.taken)]
    per_case = -(-len(steps) // len(worst))
    async with Studio() as studio:
        async with studio.encoder("good") as encoder:
            viewer = await studio.watch("good")
            for number, case in enumerate(worst):
                piece = steps[number * per_case : (number + 1) * per_case]
                assert await studio.play(encoder, from_now(piece))
                for script_ in case.scripts()[:1]:
                    await studio.publish(f"bad{number}", script_, turn=False)
                studio.end(f"bad{number}")
        studio.end("good")
        (piece_,) = await viewer.finish()
    check_history(viewer.texts)
    reading = read(piece_)
    assert len(reading.video) == reading.pictures == 360
    assert reading.wrong == 0
    check_times(reading)
    check_sync(reading, steps)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def from_now(piece: Script) -> Script:
    return [replace(one, at=one.at - piece[0].at) for one in piece]


# Memory

ENDLESS: dict[str, Callable[[int], tuple[bool, int, bool]]] = {
    "as it should be": lambda n: (n % 2 == 0, n * 20, n % 100 == 0),
    "a picture that never moves on": lambda n: (n % 2 == 0, n * 20 * (n % 2), n % 100 == 0),
    "sound that never moves on": lambda n: (n % 2 == 0, n * 20 * (1 - n % 2), n % 100 == 0),
    "nothing that moves on": lambda n: (n % 2 == 0, 7, n % 100 == 0),
    "never a key frame": lambda n: (n % 2 == 0, n * 20, False),
    "one key frame": lambda n: (n % 2 == 0, n * 20, n == 0),
    "only sound, where a picture is described": lambda n: (n == 0, n * 20, True),
    "only a picture, where sound is described": lambda n: (n != 1, n * 20, n % 100 == 0),
    "time that jumps": lambda n: (n % 2 == 0, n * 7919 * 1009 % (1 << 32), n % 100 == 0),
    "time that runs backwards": lambda n: (n % 2 == 0, (1 << 31) - n * 20, n % 100 == 0),
    "sound ever further behind": lambda n: (n % 2 == 0, n * (20 - 10 * (n % 2)), n % 100 == 0),
}
"""Of the n-th message: whether it is a picture, its time stamp, whether it is a key frame."""


@pytest.mark.parametrize("name", ENDLESS)
def test_memory_is_bounded_however_long_it_goes_on(name: str) -> None:
    clock, publisher = FakeClock(), Publisher()
    settings = HlsSettings(memory_mib=16)
    egress = HlsEgress(make_context(settings, name="egress_hls", clock=clock))
    stream = LiveStream(name, clock.monotonic)
    output = egress.open(make_broadcast(), stream, "", lambda: None)
    handle, packager, window = stream.attach(), output.packager, output.playout.window
    publisher.go_live()
    events = [*publisher.video(0, b"\x17\0\0\0\0" + AVCC), *publisher.audio(0, b"\xaf\0" + ASC)]
    for number in range(8000):
        picture, timestamp, key = ENDLESS[name](number)
        if picture:
            head, unit = (b"\x17", IDR) if key else (b"\x27", SLICE)
            events += publisher.video(timestamp, head + b"\1\0\0\0" + unit + filler(5000))
        else:
            events += publisher.audio(timestamp, b"\xaf\1" + bytes(300))
        for event in events:
            if isinstance(event, TracksKnown):
                handle.describe(event.tracks)
            elif isinstance(event, Packet):
                handle.write(event)
        events.clear()
        publisher.events.clear()
        clock.advance(0.02)
        if number % 100 == 0:
            assert publisher.session.kept < 1 << 20
            assert window.octets <= 16 * 1024 * 1024
            assert len(packager._queue) <= LEARN_PACKETS
            for line in (packager._video_line, packager._audio_line):
                assert line is None or len(line) <= MAX_SAMPLES
                assert line is None or line.octets <= 6 * 1024 * 1024
            assert len(window.listed) + len(window._left) <= 2 * 240 + 2
    assert (window.next_part > 0) is (name != "never a key frame")
