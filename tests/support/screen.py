"""Watching a player as a person does: is the picture moving, how bright and how old is it, does it
stand still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from metropole_cli.testcard import BLOCK, BLOCKS, CLOCK_BITS, read_clock
from playwright.async_api import Page

POLL = 50
"""Milliseconds between two looks: a tab in the background has no frames to look at."""

SAMPLER = """([selector, block, blocks]) => {
  const video = document.querySelector(selector);
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const watch = { rows: [], stalls: 0, stalled: 0, brightness: 0, last: -1, since: 0 };
  window.metropoleWatch = watch;
  const frame = () => {
    const width = video.videoWidth, height = video.videoHeight;
    if (width) {
      canvas.width = width; canvas.height = height;
      context.drawImage(video, 0, 0, width, height);
      const row = context.getImageData(0, block / 2, block * blocks, 1).data;
      const luma = [];
      for (let i = 0; i < blocks; i++) {
        const at = 4 * (i * block + block / 2);
        luma.push(Math.round((row[at] + row[at + 1] + row[at + 2]) / 3));
      }
      const middle = context.getImageData(0, height >> 1, width, 1).data;
      let sum = 0;
      for (let i = 0; i < middle.length; i += 4) sum += middle[i] + middle[i + 1] + middle[i + 2];
      watch.brightness = Math.max(watch.brightness, sum / (middle.length / 4) / 3);
      watch.rows.push([Date.now(), luma]);
      if (watch.rows.length > 400) watch.rows.shift();
    }
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  // A stall is what a viewer sees: the playhead stands for more than a quarter of a second.
  setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== watch.last) {
      watch.last = video.currentTime; watch.since = now; watch.counted = false;
    } else if (now - watch.since > 250 && !watch.counted) { watch.counted = true; watch.stalls++; }
  }, 50);
}"""


@dataclass(frozen=True, slots=True)
class Steady:
    """What was seen in a while of undisturbed watching.

    Fields:
        advanced: seconds that the playhead went on.
        stalls: how often it stood for more than 250 ms.
        latency_p50, latency_max: seconds from the making of a frame until its showing.
        samples: frames whose clock could be read.
        brightness: brightest mean of the picture's middle row, 0 to 255.
        dropped, total: frames, by the browser's own count.
    """

    advanced: float
    stalls: int
    latency_p50: float
    latency_max: float
    samples: int
    brightness: float
    dropped: int
    total: int


class Watch:
    """One page's player.

    Arguments:
        selector: its video element.
    """

    def __init__(self, page: Page, selector: str = "metropole-player video") -> None:
        self.page = page
        self._selector = selector
        self._sampling = False

    async def position(self) -> float:
        """The playhead in seconds."""
        value = await self.page.evaluate(
            "(selector) => document.querySelector(selector).currentTime", self._selector
        )
        return float(value)

    async def playing(self, timeout: float) -> None:
        """Wait until the playhead moves."""
        await self.page.wait_for_function(
            "(selector) => { const v = document.querySelector(selector);"
            " return v && !v.paused && v.currentTime > 0 && v.readyState >= 3; }",
            arg=self._selector,
            timeout=timeout * 1000,
            polling=POLL,
        )
        await self.beyond(await self.position() + 0.5, timeout)

    async def beyond(self, position: float, timeout: float) -> None:
        """Wait until the playhead has passed a position."""
        await self.page.wait_for_function(
            "([selector, to]) => document.querySelector(selector).currentTime > to",
            arg=[self._selector, position],
            timeout=timeout * 1000,
            polling=POLL,
        )

    async def latency(self) -> float:
        """Age of the picture shown now in seconds: the median of the last frames."""
        await self._sample()
        found = await self._ages(last=20)
        assert found, "no clock can be read from the picture"
        return sorted(found)[len(found) // 2]

    async def settle(self, within: float = 1.6, timeout: float = 20) -> None:
        """Wait until the player has found its distance to live."""
        await self._sample()
        async with asyncio.timeout(timeout):
            while True:
                ages = await self._ages(last=20)
                if len(ages) >= 10 and sorted(ages)[len(ages) // 2] <= within:
                    return
                await asyncio.sleep(0.25)

    async def measure(self, seconds: float) -> Steady:
        """Watch for a while."""
        await self._sample()
        await self.page.evaluate("Object.assign(metropoleWatch, {stalls: 0, brightness: 0})")
        began = await self.position()
        ages: list[float] = []
        remaining = seconds
        while remaining > 0:
            pause = min(5.0, remaining)
            await asyncio.sleep(pause)  # watching is the work here
            ages += await self._ages(last=400, forget=True)
            remaining -= pause
        seen = await self.page.evaluate("metropoleWatch")
        quality = await self.page.evaluate(
            "(selector) => { const q = document.querySelector(selector).getVideoPlaybackQuality();"
            " return {dropped: q.droppedVideoFrames, total: q.totalVideoFrames}; }",
            self._selector,
        )
        assert ages, "no clock can be read from the picture"
        ages.sort()
        return Steady(
            round(await self.position() - began, 2),
            seen["stalls"],
            round(ages[len(ages) // 2], 3),
            round(ages[-1], 3),
            len(ages),
            round(seen["brightness"], 1),
            quality["dropped"],
            quality["total"],
        )

    async def smooth(self, seconds: float, tries: int = 3) -> Steady:
        """Watch for a while without a stall: a machine that was busy with something else for a
        moment gets another chance, a player that stalls by itself does not get through.

        Returns:
            The first while without a stall, else the last one.
        """
        for _ in range(tries - 1):
            seen = await self.measure(seconds)
            if not seen.stalls:
                return seen
            print(f"watching again: {seen}")
        return await self.measure(seconds)

    async def _sample(self) -> None:
        if not self._sampling:
            self._sampling = True
            await self.page.evaluate(SAMPLER, [self._selector, BLOCK, BLOCKS])

    async def _ages(self, last: int, *, forget: bool = False) -> list[float]:
        rows = await self.page.evaluate(
            "(forget) => { const r = metropoleWatch.rows.slice();"
            " if (forget) metropoleWatch.rows.length = 0; return r; }",
            forget,
        )
        found = []
        for now, luma in rows[-last:]:
            clock = read_clock(lambda x, _y, luma=luma: luma[x // BLOCK])
            if clock is not None:
                found.append(((int(now) - clock) % (1 << CLOCK_BITS)) / 1000)
        return found
