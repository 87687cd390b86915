"""Other people's players and tools take the live stream as it is, and streams of other kinds play
here as well."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import av
import pytest
import pytest_asyncio
from metropole_cli.testcard import read_clock
from playwright.async_api import Browser

from tests.support.browser import person
from tests.support.playlist_check import ReadPlaylist, check_history, check_with_hls_parser
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.steps import (
    SMALL,
    expect_state,
    make_channel,
    open_dashboard,
    reveal_key,
    signal,
)
from tests.support.strangers import HLS_JS, SHAKA, START_HLS_JS, START_SHAKA, stranger
from tests.support.town import Town

pytestmark = pytest.mark.timeout(120)

CREATOR = "northlight"
KEY_FRAMES = 2
"""Seconds between key frames, and so the length of segments."""
SECONDS = 3.0
"""How long a stream of another kind is watched."""
USUAL = re.compile(
    r"\[mov[^\]]*\] Found duplicated MOOV Atom\. Skipped it\n"
    r"( +Last message repeated \d+ times\n)?"
)
"""FFmpeg 5.1 reads the map anew with each reload of a live playlist, those of its own too."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stream(town: Town) -> AsyncIterator[str]:
    """The address of the multivariant playlist of a broadcast that runs for a while."""
    async with town.citizen(CREATOR) as creator:
        await open_dashboard(creator, town.site.url, CREATOR)
        key = await reveal_key(creator)
        async with publishing(town.site.rtmp_url(key), *SMALL, "--gop", str(KEY_FRAMES)):
            await expect_state(signal(creator), "live", seconds=15)
            page = await fetch(f"{town.site.url}/{CREATOR}?fragment=page-data")
            await creator.goto("about:blank")
            yield json.loads(page)["sources"][0]["url"]


async def fetch(url: str) -> str:
    """What a GET answers with 200."""

    def get() -> bytes:
        with urllib.request.urlopen(url, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    return (await asyncio.to_thread(get)).decode(errors="replace")


async def run(*command: str) -> tuple[str, str]:
    """Run a program to its end, which has to be a good one: what it said, what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, err.decode()
    return out.decode(), USUAL.sub("", err.decode())


async def test_ffmpeg_reads_it_without_a_complaint(stream: str) -> None:
    said, complaints = await run("ffprobe", "-v", "warning", "-show_streams", "-of", "json", stream)
    assert complaints == ""
    kinds = {each["codec_type"]: each for each in json.loads(said)["streams"]}
    assert kinds["video"]["codec_name"] == "h264"
    assert (kinds["video"]["width"], kinds["video"]["height"]) == (640, 360)
    assert kinds["audio"]["codec_name"] == "aac"
    assert (kinds["audio"]["sample_rate"], kinds["audio"]["channels"]) == ("48000", 2)

    said, complaints = await run(
        "ffmpeg", "-v", "warning", "-xerror", "-i", stream, "-t", "10",
        "-map", "0:v", "-map", "0:a", "-progress", "pipe:1", "-f", "null", "-",
    )  # fmt: skip
    assert complaints == ""
    frames = int(re.findall(r"frame=\s*(\d+)", said)[-1])
    assert 295 <= frames <= 305


def clock_of(frame: av.VideoFrame) -> int | None:
    """The clock burned into a decoded picture, which is planar YUV."""
    plane = memoryview(frame.planes[0])
    stride = frame.planes[0].line_size
    return read_clock(lambda x, y: plane[y * stride + x])


async def test_pyav_decodes_every_frame_in_order(stream: str) -> None:
    def watch() -> tuple[list[int], list[float], int]:
        clocks: list[int] = []
        times: list[float] = []
        samples = 0
        with av.open(stream, timeout=10) as container:
            for frame in container.decode(video=0, audio=0):
                if isinstance(frame, av.AudioFrame):
                    samples += frame.samples
                    continue
                assert isinstance(frame, av.VideoFrame)
                assert frame.time is not None
                times.append(frame.time)
                clock = clock_of(frame)
                assert clock is not None
                clocks.append(clock)
                if len(times) == 300:
                    break
        return clocks, times, samples

    clocks, times, samples = await asyncio.to_thread(watch)
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert all(0.02 < step < 0.05 for step in steps), sorted(steps)
    assert clocks == sorted(clocks)
    assert abs((clocks[-1] - clocks[0]) / 1000 - (times[-1] - times[0])) < 0.5
    assert samples > 9 * 48_000


@pytest.mark.parametrize(
    ("script", "start"),
    [pytest.param(SHAKA, START_SHAKA, id="shaka"), pytest.param(HLS_JS, START_HLS_JS, id="hls.js")],
)
async def test_another_player_plays_it(
    browser: Browser, stream: str, script: Path, start: str
) -> None:
    with stranger(script, start, stream) as address:
        async with person(browser) as page:
            await page.goto(address)
            watch = Watch(page, "video")
            await watch.playing(timeout=20)
            await watch.beyond(await watch.position() + 2, timeout=10)  # the first hurry is over
            seen = await watch.measure(4)
            print(f"\n{script.name}: {seen}")
            assert seen.advanced > 2.5, seen  # how smooth it is, is the player's business
            assert seen.brightness > 20, "the picture is black"
            assert seen.latency_p50 < 8, seen
            assert await page.evaluate("problems") == []


async def test_the_playlists_keep_every_rule(stream: str) -> None:
    multivariant = await fetch(stream)
    check_with_hls_parser([multivariant])
    assert 'CODECS="avc1.' in multivariant
    assert "RESOLUTION=640x360" in multivariant
    name = next(line for line in multivariant.splitlines() if line and not line.startswith("#"))
    url = urljoin(stream, name)
    texts = [await fetch(url)]
    began = time.monotonic()
    slowest = 0.0
    while time.monotonic() - began < 10:
        last = check_history(texts)[-1]
        asked = time.monotonic()
        texts.append(await fetch(f"{url}?{_next(last)}"))
        slowest = max(slowest, time.monotonic() - asked)
    history = check_history(texts)
    check_with_hls_parser(texts)
    for before, after in itertools.pairwise(history):
        assert _edge(after) > _edge(before), "a blocking reload brought nothing new"
    firsts = [each.first for each in history]
    assert firsts == sorted(firsts)
    assert history[-1].segments[-1].number - history[0].segments[-1].number >= 10 // KEY_FRAMES - 1
    assert slowest < 1, "a part came late"

    for segment in history[-1].segments:
        for uri in (segment.map, segment.uri, *(part.uri for part in segment.parts)):
            assert uri is None or await fetch(urljoin(url, uri))


def _edge(playlist: ReadPlaylist) -> tuple[int, int]:
    """Number of the last segment, and how many parts of it there are."""
    segment = playlist.segments[-1]
    return (segment.number, len(segment.parts)) if segment.uri is None else (segment.number + 1, 0)


def _next(playlist: ReadPlaylist) -> str:
    """The query of a blocking reload, as a player asks for what follows."""
    segment, part = _edge(playlist)
    return f"_HLS_msn={segment}&_HLS_part={part}"


@pytest.mark.parametrize(
    ("name", "fps", "options"),
    [
        ("cinema", 24, ()),
        ("silent", 25, ("--no-audio",)),
        ("reordered", 30, ("--b-frames", "2")),
        ("sports", 60, ("--gop", "2")),
    ],
)
async def test_streams_of_other_kinds_play(
    town: Town, name: str, fps: int, options: tuple[str, ...]
) -> None:
    async with town.citizen(CREATOR) as creator, town.guest() as viewer:
        await make_channel(creator, town.site.url, name)
        key = await reveal_key(creator)
        async with publishing(town.site.rtmp_url(key), *SMALL, "--fps", str(fps), *options):
            await expect_state(signal(creator), "live", seconds=15)
            await viewer.goto(f"{town.site.url}/{name}")
            watch = Watch(viewer)
            await watch.playing(timeout=15)
            await watch.settle(within=2)
            for _ in range(3):  # a busy machine gets another chance
                began = await frames(watch)
                seen = await watch.measure(SECONDS)
                rate = (await frames(watch) - began) / SECONDS
                if not seen.stalls:
                    break
            print(f"\n{name}: {rate:.1f} frames a second, {seen}")
            assert seen.stalls == 0, seen
            assert seen.advanced > 0.92 * SECONDS, seen
            assert seen.brightness > 20, "the picture is black"
            assert seen.latency_p50 < 2, seen
            assert fps * 0.85 < rate < fps * 1.2


async def frames(watch: Watch) -> int:
    """Frames that the browser decoded so far, shown or not."""
    count = await watch.page.evaluate(
        "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    )
    return int(count)
