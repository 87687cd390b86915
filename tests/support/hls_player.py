"""A player without a picture: follows the low-latency playlist of a stream and fetches each part,
as fast as they are made (RFC 8216bis, section 6.3)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from time import monotonic
from urllib.parse import urljoin, urlsplit

ANSWER_SECONDS = 10.0
RETRY_SECONDS = 0.2
_SEQUENCE = re.compile(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)", re.M)
_PART = re.compile(r'^#EXT-X-PART:.*URI="([^"]+)"')

Position = tuple[int, int]
"""Media sequence number of a segment, index of a part in it."""


class PartPlayer:
    """Follows one stream from `run` until it is cancelled.

    Fields:
        parts: how many were fetched.
        gaps: places where a part was missing, in words.
        longest: seconds between two parts, the most so far.
        failures: requests that failed, in words; each was tried again.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.parts = 0
        self.gaps: list[str] = []
        self.longest = 0.0
        self.failures: list[str] = []
        self.position: Position | None = None
        self._came = monotonic()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def waiting(self) -> float:
        """Seconds since the last part."""
        return monotonic() - self._came

    def forget(self) -> None:
        """Measure anew from now on."""
        self.longest = 0.0
        self.gaps.clear()
        self.failures.clear()
        self._came = monotonic()

    async def run(self) -> None:
        """Follow the stream."""
        media: str | None = None
        try:
            while True:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        if media is None:
                            media = self._first(await self._get(self.url))
                        await self._step(media)
                except (OSError, EOFError, TimeoutError, ValueError) as error:
                    self.failures.append(repr(error))
                    self._close()
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._close()

    async def media_path(self) -> str:
        """The address of the first media playlist."""
        other = PartPlayer(self.url)
        try:
            return other._first(await other._get(other.url))
        finally:
            other._close()

    async def fetch(self) -> str:
        """The media playlist now, over a connection of its own."""
        other = PartPlayer(self.url)
        try:
            return await other._get(other._first(await other._get(other.url)))
        finally:
            other._close()

    def _first(self, playlist: str) -> str:
        lines = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        return urljoin(self.url, lines[0])

    async def _step(self, media: str) -> None:
        url = media
        if self.position is not None:
            number, part = self.position
            url += f"{'&' if '?' in media else '?'}_HLS_msn={number}&_HLS_part={part + 1}"
        playlist = await self._get(url)
        listed = parts_of(playlist)
        if self.position is None:
            self.position = listed[-1][0]
            self._came = monotonic()
            return
        for position, uri in listed:
            if position <= self.position:
                continue
            number, part = self.position
            if position not in ((number, part + 1), (number + 1, 0)):
                self.gaps.append(f"{position} follows {self.position}")
            if not await self._get(urljoin(media, uri)):
                self.gaps.append(f"{position} is empty")
            now = monotonic()
            self.longest = max(self.longest, now - self._came)
            self._came = now
            self.position = position
            self.parts += 1

    async def _get(self, url: str) -> str:
        parts = urlsplit(url)
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
        assert self._reader is not None
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"^content-length: *(\d+)", head, re.M | re.I)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        if "connection: close" in head.lower():
            self._close()
        status = head.split(" ", 2)[1]
        if status != "200":
            raise ValueError(f"{status} for {target}: {body[:80]!r}")
        return body.decode("latin-1")

    def _close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
            self._writer = None


def parts_of(playlist: str) -> list[tuple[Position, str]]:
    """Position and address of every part that a media playlist lists, in order."""
    found = _SEQUENCE.search(playlist)
    if found is None:
        raise ValueError("no media playlist")
    number, index = int(found[1]), 0
    listed = []
    for line in playlist.splitlines():
        part = _PART.match(line)
        if part is not None:
            listed.append(((number, index), part[1]))
            index += 1
        elif line and not line.startswith("#"):
            number, index = number + 1, 0
    if not listed:
        raise ValueError("the playlist lists no part yet")
    return listed
