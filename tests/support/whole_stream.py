"""All renditions of a stream that has ended, as files, and what ffprobe says of each packet."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

END_SECONDS = 15.0
STILL = 15
"""Looks at a playlist, five a second, after which nothing more is expected."""
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True)
class Frame:
    """One packet: times in seconds, and the hash of its payload."""

    pts: float
    dts: float
    md5: str


@dataclass(frozen=True)
class Taken:
    """A rendition.

    Fields:
        attributes: of its line in the multivariant playlist.
        tracks: packets by codec name, as ffprobe calls it.
        complaints: of ffprobe.
    """

    attributes: dict[str, str]
    tracks: dict[str, list[Frame]]
    complaints: str


async def fetch(url: str) -> bytes:
    def get() -> bytes:
        with urllib.request.urlopen(url, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    return await asyncio.to_thread(get)


async def take(index: str, folder: Path) -> list[Taken]:
    """Fetch everything of a stream, which must be ending.

    Arguments:
        index: address of its multivariant playlist.
        folder: for the files.
    """
    text = (await fetch(index)).decode()
    found: dict[str, dict[str, str]] = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        attributes = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line)}
        if line.startswith("#EXT-X-STREAM-INF:"):
            found.setdefault(lines[at + 1], attributes)
        elif line.startswith("#EXT-X-MEDIA:") and "URI" in attributes:
            found.setdefault(attributes["URI"], attributes)
    taken = []
    for number, (uri, attributes) in enumerate(found.items()):
        file = folder / f"{number}.mp4"
        file.write_bytes(await _whole(urljoin(index, uri)))
        tracks, complaints = await probe(file)
        file.unlink()
        taken.append(Taken(attributes, tracks, complaints))
    return taken


async def _whole(playlist: str) -> bytes:
    """The init segment and all segments, one behind the other."""
    text, still = (await fetch(playlist)).decode(), 0
    async with asyncio.timeout(END_SECONDS):
        # An encoder that hangs up on octets under way leaves a broadcast that may go on.
        while "#EXT-X-ENDLIST" not in text and still < STILL:
            await asyncio.sleep(0.2)
            before, text = text, (await fetch(playlist)).decode()
            still = still + 1 if text == before else 0
    maps = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', text)
    assert len(maps) == 1, text
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    return b"".join([await fetch(urljoin(playlist, name)) for name in (*maps, *names)])


async def probe(file: Path) -> tuple[dict[str, list[Frame]], str]:
    """Packets of a file by codec, and what ffprobe complained of."""
    process = await asyncio.create_subprocess_exec(
        "ffprobe", "-v", "warning", "-of", "json", "-show_data_hash", "MD5", "-show_entries",
        "stream=index,codec_name:packet=stream_index,pts_time,dts_time,data_hash", str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    said = json.loads(out)
    names = {each["index"]: each["codec_name"] for each in said["streams"]}
    tracks: dict[str, list[Frame]] = {name: [] for name in names.values()}
    for packet in said["packets"]:
        tracks[names[packet["stream_index"]]].append(
            Frame(
                float(packet["pts_time"]),
                float(packet["dts_time"]),
                packet["data_hash"].removeprefix("MD5:"),
            )
        )
    return tracks, complaints.decode()
