"""Further qualities from end to end: a real encoder in, playlists out that name them, and pictures
of a smaller one that can be decoded."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from metropole_core.transcoding.qualities import QualityState
from tests.core.site.conftest import Configure, running
from tests.support.publisher import publishing

SIZE = ("--size", "854x480", "--fps", "30", "--bitrate", "900000")


def decoded(data: bytes) -> tuple[int, int, int]:
    """Width, height and number of the pictures in there."""
    import av

    with av.open(io.BytesIO(data)) as file:
        frames = [(frame.width, frame.height) for frame in file.decode(video=0)]
    assert len(set(frames)) == 1
    return *frames[0], len(frames)


async def get(url: str) -> bytes:
    """What is there; nothing yet is empty."""

    def ask() -> bytes:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            return b""

    return await asyncio.to_thread(ask)


async def test_a_small_quality_is_made_named_and_played(
    sqlite_template: Path, configure: Configure, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "site.sqlite3")
    config = configure(
        f"sqlite:///{tmp_path}/site.sqlite3",
        transcoding={
            "transcoder": "software",
            "presets": [{"name": "180p", "height": 180, "frame_rate": 15, "bitrate": "150k"},
                        "audio"],
        },
    )  # fmt: skip
    async with running(config) as (site, _):
        await site.accounts.create(name="maker", password="four random little words", email=None)
        channel = await site.channels.by_name("maker")
        assert channel is not None
        key = await site.channels.stream_key(channel.id)
        port = config.plugin["ingest_rtmp"]["bind"].rpartition(":")[2]
        async with asyncio.timeout(20):
            await site.transcoding.backends.settled.wait()
        provider = site.registry.provider("local")
        assert provider is not None
        async with publishing(f"rtmp://127.0.0.1:{port}/live/{key}", *SIZE), asyncio.timeout(20):
            while not (sources := provider.playback(channel.ref)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            url = sources[0].url
            index = (await get(url)).decode()
            assert "RESOLUTION=320x180" in index, "named from the first answer on"
            assert re.search(r"FRAME-RATE=15\b", index)
            name = re.search(r"RESOLUTION=320x180.*\n(.+)", index)
            assert name is not None
            media = url.rsplit("/", 1)[0] + "/" + name[1]
            while (playlist := (await get(media)).decode()).count("#EXTINF") < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            base = media.rsplit("/", 1)[0]
            head = re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
            segment = re.search(r"#EXTINF.*\n(?:#.*\n)*([^#].*)", playlist)
            assert head is not None
            assert segment is not None
            data = b"".join([await get(f"{base}/{each[1]}") for each in (head, segment)])
            width, height, frames = decoded(data)
            assert (width, height) == (320, 180)
            assert 10 <= frames <= 61
            site.transcoding.look()
            states = {each.name: each.state for each in site.transcoding.qualities(channel.id)}
            assert states == dict.fromkeys(("source", "180p", "audio"), QualityState.LIVE)
            (follower,) = site.transcoding.followers()
            assert follower.backend is not None
            assert follower.backend.load > 0
        job = follower._job
        await site.status.end_by_creator(channel.id)
        assert follower.over
        assert job is not None
        assert follower._job is None
        assert site.transcoding.backends.all()[0].load == 0
