"""Real key frames through a real decoding process."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from metropole_egress_thumbnails.decoder import MAX_WAITING, MAX_WAITING_OCTETS, Decoder
from metropole_egress_thumbnails.egress import ThumbnailsEgress
from metropole_egress_thumbnails.frames import KeyFrame, read_request, request
from metropole_egress_thumbnails.settings import ThumbnailSettings
from PIL import Image

from metropole_core.errors import Unavailable
from metropole_core.tasks import TaskOwner
from metropole_core.testing import CHANNEL, FakeClock, FakePreviews, conformance, make_context
from metropole_core.testing.context import make_broadcast
from metropole_media.live import LiveStream, Packet
from tests.support.encoded import Encoded, encode

SETTINGS = ThumbnailSettings(width=160)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Stage:
    """A stream with the egress on it, and what it showed."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.previews = FakePreviews()
        made = make_context(SETTINGS, clock=self.clock, previews=self.previews)
        self.tasks = TaskOwner("egress_thumbnails", made.log)
        self.context = replace(made, spawn=self.tasks.spawn)
        self.egress = ThumbnailsEgress(self.context)
        self.stream = LiveStream("lab", self.clock.monotonic)
        self.output = self.egress.open(make_broadcast(), self.stream, "", lambda: None)

    @property
    def decoder(self) -> Decoder:
        return self.egress._decoder

    async def shows(self, pictures: int) -> bytes:
        await until(lambda: len(self.previews.pictures) >= pictures)
        channel, picture = self.previews.pictures[-1]
        assert channel == CHANNEL
        return picture

    def publish(self, clip: Encoded) -> None:
        """All of a clip at once, as if its time went by on the clock."""
        handle = self.stream.attach()
        handle.describe(clip.tracks)
        began = self.clock.monotonic()
        for packet in clip.packets:
            self.clock.advance(max(0.0, began + packet.dts / 1000 - self.clock.monotonic()))
            handle.write(Packet(packet.track, packet.dts, packet.pts, packet.key, packet.data))
        handle.detach()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    made.output.close()
    await made.tasks.stop()
    assert made.decoder._process is None


async def test_it_is_an_egress() -> None:
    await conformance.check_egress(ThumbnailsEgress(make_context(SETTINGS)))


async def test_a_key_frame_becomes_a_picture(stage: Stage) -> None:
    stage.publish(encode(seconds=1.0, gop=10, size=(320, 180)))
    with Image.open(io.BytesIO(await stage.shows(1))) as picture:
        assert (picture.format, picture.size) == ("WEBP", (160, 90))
        assert len(set(picture.convert("L").get_flattened_data())) > 16, "noise is not one grey"


async def test_at_most_one_in_ten_seconds_is_decoded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    began = stage.clock.monotonic()
    monkeypatch.setattr(
        stage.decoder, "ask", lambda *_: asked.append(stage.clock.monotonic() - began)
    )
    stage.publish(encode(fps=5, seconds=22.0, gop=5, audio=False))
    assert asked == pytest.approx([0, 10, 20], abs=0.5)


async def test_a_damaged_frame_makes_no_picture_and_the_next_one_does(stage: Stage) -> None:
    clip = encode(seconds=0.5, gop=5, audio=False)
    track = clip.tracks[0]
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    rubbish = KeyFrame("avc1", track.config, b"\xff" * 5000)
    strange = KeyFrame("zzzz", b"", b"x")
    for number, frame in enumerate((rubbish, strange)):
        stage.decoder.ask(number, frame, taken.put)
    stage.decoder.ask(9, KeyFrame("avc1", track.config, bytes(clip.packets[0].data)), taken.put)
    async with asyncio.timeout(20):
        assert (await taken.get())[8:12] == b"WEBP"
    assert taken.empty()


async def test_a_process_that_dies_is_started_again(stage: Stage) -> None:
    clip = encode(seconds=0.5, gop=30, audio=False)
    stage.publish(clip)
    await stage.shows(1)
    process = stage.decoder._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    stage.clock.advance(11)
    stage.publish(clip)
    await stage.shows(2)


async def test_a_process_that_hangs_is_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("metropole_egress_thumbnails.decoder.ANSWER_SECONDS", 0.3)
    stage.decoder._command = (sys.executable, "-c", "import time; time.sleep(60)")
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    stage.decoder.ask(1, KeyFrame("avc1", b"", b"x"), taken.put)
    await until(lambda: caplog.records)
    assert "took too long" in caplog.text
    assert stage.decoder._process is None


async def test_a_full_disk_is_told_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    clip = encode(seconds=0.5, gop=5, audio=False)
    frame = KeyFrame("avc1", clip.tracks[0].config, bytes(clip.packets[0].data))
    tried = 0

    async def full(_: bytes) -> None:
        nonlocal tried
        tried += 1
        raise Unavailable("The disk is full.")

    for number in range(3):
        stage.decoder.ask(number, frame, full)
    await until(lambda: tried == 3)
    await until(lambda: caplog.records)
    assert [record.message for record in caplog.records] == [
        "pictures out of streams are not kept: The disk is full."
    ]


async def test_what_waits_is_bounded(stage: Stage) -> None:
    decoder = Decoder(SETTINGS, stage.context.log)  # it does not run
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    for number in range(2 * MAX_WAITING):
        decoder.ask(number, KeyFrame("avc1", b"", b"x"), taken.put)
    assert decoder.waiting == MAX_WAITING
    decoder.ask(0, KeyFrame("avc1", b"", b"newer"), taken.put)
    assert decoder._waiting[0][0].data == b"newer"
    decoder.forget(0)
    assert decoder.waiting == MAX_WAITING - 1


async def test_large_frames_do_not_pile_up(stage: Stage) -> None:
    decoder = Decoder(SETTINGS, stage.context.log)  # it does not run
    large = KeyFrame("avc1", b"", bytes(MAX_WAITING_OCTETS // 4))
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    for number in range(20):
        decoder.ask(number, large, taken.put)
    assert decoder.waiting == 4
    decoder.ask(0, large, taken.put)
    assert decoder.waiting == 4
    decoder.forget(0)
    decoder.ask(30, large, taken.put)
    assert decoder.waiting == 4


SITE = """
import asyncio, logging, sys
from metropole_egress_thumbnails.decoder import Decoder
from metropole_egress_thumbnails.frames import KeyFrame
from metropole_egress_thumbnails.settings import ThumbnailSettings

async def main():
    decoder = Decoder(ThumbnailSettings(), logging.getLogger())
    working = asyncio.create_task(decoder.run())
    await decoder._decode(KeyFrame("avc1", b"", b"x"))
    print(decoder._process.pid, flush=True)
    await working

asyncio.run(main())
"""


async def test_a_site_that_is_killed_leaves_no_process_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("METROPOLE_SECRET_KEY", "nobody's business")
    site = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SITE, stdout=asyncio.subprocess.PIPE
    )
    assert site.stdout is not None
    number = int(await asyncio.wait_for(site.stdout.readline(), 20))
    # As if it was in the middle of something: it does not hear that its input ends.
    os.kill(number, signal.SIGSTOP)
    worker = Path(f"/proc/{number}")
    assert b"METROPOLE_SECRET_KEY" not in (worker / "environ").read_bytes()
    site.kill()
    await site.wait()
    await until(lambda: not worker.exists() or "Z (" in (worker / "status").read_text())


def test_a_request_is_read_as_it_was_written() -> None:
    frame = KeyFrame("hvc1", b"record", b"frame")
    sent = request(frame, 854, 72)
    assert read_request(sent[4:]) == (frame, 854, 72)
    with pytest.raises(ValueError, match="cut off"):
        read_request(sent[4:8])
