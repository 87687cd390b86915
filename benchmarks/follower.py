"""One player that follows low-latency HLS in real time, as hls.js does, without decoding."""

from __future__ import annotations

import asyncio
import re
import time

from benchmarks.players import BROWSER, request

PATIENCE = 10.0
_PART = re.compile(r'#EXT-X-PART:DURATION=[0-9.]+,URI="([^"]+)"')


class Follower:
    """Asks for each next playlist, then for the parts that are new.

    Arguments:
        path: of the media playlist.
        delta: ask for delta updates.

    Fields:
        parts, octets: fetched so far.
        longest: seconds between two new parts, at most.
        failures: what went wrong, at most a few.
    """

    def __init__(self, port: int, path: str, *, delta: bool) -> None:
        self.parts = self.octets = 0
        self.longest = 0.0
        self.failures: list[str] = []
        self._port, self._path, self._delta = port, path, delta
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await self._play()
                finally:
                    self._writer.close()
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                if len(self.failures) < 10:
                    self.failures.append(f"{time.strftime('%H:%M:%S')} {error!r}")
                await asyncio.sleep(1)

    async def _play(self) -> None:
        folder = self._path.rsplit("/", 1)[0]
        text = await self._get(self._path)
        have = _PART.findall(text)[-1]
        last = time.monotonic()
        while True:
            segment, part = _next(text)
            query = f"?_HLS_msn={segment}&_HLS_part={part}" + "&_HLS_skip=YES" * self._delta
            text = await self._get(self._path + query)
            listed = _PART.findall(text)
            fresh = listed[listed.index(have) + 1 :] if have in listed else listed[-1:]
            for name in fresh:
                await self._get(f"{folder}/{name}")
                now = time.monotonic()
                self.parts += 1
                self.longest, last, have = max(self.longest, now - last), now, name

    async def _get(self, path: str) -> str:
        async with asyncio.timeout(PATIENCE):
            self._writer.write(request(path, "identity" if not self._delta else BROWSER))
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            if not head.startswith("HTTP/1.1 200") or length is None:
                raise ValueError(f"{path}: {head.splitlines()[0]}")
            body = await self._reader.readexactly(int(length[1]))
        self.octets += len(body)
        if "content-encoding: gzip" in head.lower():
            import gzip

            body = gzip.decompress(body)
        return body.decode() if "mpegurl" in head else ""


def _next(text: str) -> tuple[int, int]:
    """Segment and part that come after a playlist, whole or delta."""
    first = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    skipped = re.search(r"SKIPPED-SEGMENTS=(\d+)", text)
    if first is None:
        raise ValueError("this is no playlist")
    complete = text.count("#EXTINF:") + (int(skipped[1]) if skipped else 0)
    return int(first[1]) + complete, text.rpartition("#EXTINF:")[2].count("#EXT-X-PART:")
