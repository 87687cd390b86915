"""Every codec from an encoder to the screen: published by FFmpeg's library, packaged, read by
ffprobe packet by packet, and played in Chromium where it has the codec.

`make test` takes each codec once, `make test-full` the whole matrix, and writes its table to
test-output/codec-matrix.md for docs/reference/codecs.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.support import clips
from tests.support.flv_files import FlvFile, Sent, flv_file, read_file, sending
from tests.support.steps import open_dashboard, reveal_key
from tests.support.town import Town
from tests.support.whole_stream import Frame, Taken, fetch, take

pytestmark = pytest.mark.timeout(240)

CREATOR = "matrix"
DELIMITER = b"\x12\0"
NAMES = {"h264": "h264", "hevc": "hevc", "av1": "av1", "vp9": "vp9"}
SILENT_IN_CHROMIUM = ("hevc",)
"""Debian's Chromium has no decoder for it."""
HD, UHD, EIGHT_K = (1920, 1080), (3840, 2160), (7680, 4320)
LEAST_FRAMES = 10
TABLE = Path("test-output/codec-matrix.md")


@dataclass(frozen=True)
class Cell:
    """A stream: codecs as `clips` names them, pixels, seconds."""

    video: str
    audio: str
    size: tuple[int, int] = (320, 180)
    seconds: float = 3.0

    def __str__(self) -> str:
        return f"{self.video}+{self.audio} {self.size[1]}p"


ONCE = [
    Cell("h264-b", "aac"), Cell("hevc-b", "aac"), Cell("av1", "opus"), Cell("vp9", "opus"),
]  # fmt: skip
ALL = [
    *(Cell(video, audio, HD, 3.0) for video in ("h264-b", "hevc-b", "av1", "vp9")
      for audio in ("aac", "opus")),
    Cell("hevc-pq", "aac", HD, 3.0),
    *(Cell(video, "aac", UHD, 2.0) for video in ("h264", "hevc", "av1", "vp9")),
    *(Cell(video, "aac", EIGHT_K, 2.0) for video in ("h264-lean", "hevc", "av1")),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def studio(town: Town) -> AsyncIterator[tuple[Town, str]]:
    """The site, and where to publish."""
    async with town.citizen(CREATOR) as creator:
        await open_dashboard(creator, town.site.url, CREATOR)
        key = await reveal_key(creator)
    yield town, town.site.rtmp_url(key)


@pytest.mark.parametrize("cell", ONCE, ids=str)
async def test_each_codec_arrives_unchanged_and_is_played(
    studio: tuple[Town, str], cell: Cell, tmp_path: Path
) -> None:
    await run(studio, cell, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("cell", ALL, ids=str)
async def test_the_whole_matrix(studio: tuple[Town, str], cell: Cell, tmp_path: Path) -> None:
    line = await run(studio, cell, tmp_path)
    TABLE.parent.mkdir(exist_ok=True)
    before = TABLE.read_text() if TABLE.exists() else ""
    width, height = cell.size
    TABLE.write_text(f"{before}| {cell.video} | {cell.audio} | {width}x{height} | {line} |\n")


async def test_several_tracks_become_several_qualities(
    studio: tuple[Town, str], tmp_path: Path
) -> None:
    """Three pictures and two sounds in one connection."""
    file = flv_file(("libx264", "libx264", "libx264"), ("aac", "aac"), 75)
    taken, _ = await publish(studio, file, tmp_path, watch=None)
    pictures = [each for each in taken if "RESOLUTION" in each.attributes]
    sounds = [each for each in taken if each.attributes.get("TYPE") == "AUDIO"]
    assert [each.attributes["RESOLUTION"] for each in pictures] == ["320x180", "256x144", "192x108"]
    assert len(sounds) == 2
    for number, each in enumerate(pictures):
        compare(file.packets[number], each.tracks["h264"])
        assert each.complaints == ""
    for number, each in enumerate(sounds):
        compare_sound(file.packets[100 + number], each.tracks["aac"])


async def run(studio: tuple[Town, str], cell: Cell, folder: Path) -> str:
    """One cell; a line of the table."""
    octets = await asyncio.to_thread(
        clips.flv, cell.video, cell.audio, cell.seconds, 30, 30, cell.size
    )
    file = read_file(octets)
    codec = cell.video.partition("-")[0]
    taken, frames = await publish(studio, file, folder, watch=codec)
    source = taken[0]
    assert source.attributes["RESOLUTION"] == f"{cell.size[0]}x{cell.size[1]}"
    assert source.complaints == ""
    compare(file.packets[0], source.tracks[NAMES[codec]])
    compare_sound(file.packets[100], source.tracks[cell.audio])
    played = f"{frames} frames" if frames is not None else "no decoder"
    return f"{source.attributes['CODECS']} | {len(file.packets[0])} | {played}"


async def publish(
    studio: tuple[Town, str], file: FlvFile, folder: Path, watch: str | None
) -> tuple[list[Taken], int | None]:
    """Send it as an encoder does.

    Arguments:
        watch: the codec that is looked at in a browser.

    Returns:
        All renditions, and the frames that were shown; None when the browser cannot.
    """
    town, url = studio
    async with town.guest() as page:
        if watch is not None:
            await page.goto(f"{town.site.url}/{CREATOR}")
        async with sending(file, url, "live") as encoder:
            index = await on_air(town)
            frames = await shown(page, watch) if watch is not None else None
            assert await encoder.wait() == (0, "")
        taken = await take(index, folder)
    await off_air(town)
    return taken, frames


async def shown(page: Page, codec: str) -> int | None:
    """Frames that Chromium has decoded, once there are enough; None when it says that it cannot."""
    if codec in SILENT_IN_CHROMIUM:
        await page.get_by_text("This browser cannot play").wait_for(timeout=15_000)
        return None
    await page.wait_for_function(
        "least => document.querySelector('video').getVideoPlaybackQuality()"
        ".totalVideoFrames >= least",
        arg=LEAST_FRAMES,
        timeout=60_000,
    )
    quality = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    return int(await page.evaluate(quality))


async def on_air(town: Town) -> str:
    """The address of the running broadcast."""
    async with asyncio.timeout(20):
        while True:
            answer = json.loads(await fetch(f"{town.site.url}/api/v1/channels/{CREATOR}"))
            if answer["playback"]:
                return str(answer["playback"][0]["url"])
            await asyncio.sleep(0.1)


async def off_air(town: Town) -> None:
    async with asyncio.timeout(80):
        while True:
            answer = json.loads(await fetch(f"{town.site.url}/api/v1/channels/{CREATOR}/status"))
            if answer["state"] == "offline":
                return
            await asyncio.sleep(0.1)


def compare(sent: list[Sent], taken: list[Frame]) -> None:
    """Every frame, its payload and when it is shown, to the millisecond that RTMP rounds to."""
    expected = [hashlib.md5(each.data.removeprefix(DELIMITER)).hexdigest() for each in sent]
    got = [frame.md5 for frame in taken]
    assert (
        len(got),
        [n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b],
    ) == (
        len(expected),
        [],
    )
    shift = taken[0].pts - sent[0].pts / 1000
    for packet, frame in zip(sent, taken, strict=True):
        assert abs(frame.pts - shift - packet.pts / 1000) < 0.0015
    assert all(b.dts > a.dts for a, b in pairwise(taken))


def compare_sound(sent: list[Sent], taken: list[Frame]) -> None:
    """Every packet, on a grid; but for what comes before the first picture."""
    early = len(sent) - len(taken)
    assert 0 <= early <= 2
    expected = [hashlib.md5(each.data).hexdigest() for each in sent[early:]]
    assert [frame.md5 for frame in taken] == expected
    steps = {round((b.dts - a.dts) * 48_000) for a, b in pairwise(taken)}
    assert steps in ({960}, {1024})
