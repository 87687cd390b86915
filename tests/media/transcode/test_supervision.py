"""What becomes of a job whose worker crashes, hangs, grows or falls behind; and of the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from metropole_core.testing.transcoders import Follower
from metropole_media.live import LiveStream
from metropole_media.transcode.encoders import JobSpec, make_rung
from metropole_media.transcode.job import JobLimits, JobStatus, TranscodeJob
from tests.support.encoded import Encoded, encode
from tests.support.renditions import LOW, PATIENT, X264, Studio, is_alive, making, plan, write

IMPATIENT = JobLimits(hang_seconds=0.5, tick_seconds=0.05)


@pytest.fixture(scope="module")
def clip() -> Encoded:
    return encode(fps=30, seconds=2, gop=15, size=(160, 90), audio=False)


async def failure(studio: Studio) -> str:
    await studio.until(lambda: studio.failures, "the job must fail")
    await asyncio.sleep(0)
    assert len(studio.failures) == 1
    assert studio.reports[-1].state == "failed", "nothing may follow a failure"
    return studio.failures[0]


async def test_a_worker_that_crashes(clip: Encoded) -> None:
    async with making(LOW) as studio:
        handle = studio.publisher(clip)
        write(handle, clip.packets[:30])
        await studio.until(lambda: studio.feeds["90p"].packets, "90p must be made")
        assert studio.job.pid is not None
        os.kill(studio.job.pid, signal.SIGKILL)
        assert await failure(studio) == "The worker was ended by signal SIGKILL."
        # Nobody else noticed.
        write(handle, clip.packets[30:])
        assert len(studio.source.packets) == len(clip.packets)
        assert studio.feeds["90p"].interruptions == 1
        # Another job takes over.
        spec = JobSpec((make_rung(LOW, X264),), niceness=0)
        again = TranscodeJob(studio.stream, spec, studio.reports.append, limits=PATIENT)
        known = len(studio.feeds["90p"].packets)
        write(handle, clip.packets, 2000)
        handle.detach()
        await studio.until(lambda: studio.feeds["90p"].interruptions == 2, "90p must go on")
        assert studio.feeds["90p"].packets[known].key
        assert len(studio.feeds["90p"].packets) == known + 60
        again.close()
        await asyncio.sleep(0.1)


async def test_a_worker_that_hangs(clip: Encoded) -> None:
    async with making(LOW, limits=IMPATIENT) as studio:
        handle = studio.publisher(clip)
        write(handle, clip.packets[:15])
        await studio.until(lambda: len(studio.feeds["90p"].packets) == 15, "90p must be made")
        await asyncio.sleep(0.7)
        assert not studio.failures, "a stream that pauses is no hang"
        pid = studio.job.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        write(handle, clip.packets[15:])
        assert await failure(studio) == "No picture came out for 0.5 s."
        await studio.until(lambda: not is_alive(pid), "a worker that hangs must be ended")


async def test_a_worker_that_does_not_start(clip: Encoded) -> None:
    limits = replace(IMPATIENT, start_seconds=0.1)
    async with making(LOW, limits=limits) as studio:
        assert studio.job.pid is not None
        os.kill(studio.job.pid, signal.SIGSTOP)
        assert await failure(studio) == "The worker did not start within 0.1 s."


async def test_a_worker_that_takes_too_much_memory(clip: Encoded) -> None:
    async with making(LOW, memory=32 << 20) as studio:
        studio.publish(clip)
        assert "MB of memory; it may have 32" in await failure(studio)


async def test_a_worker_that_falls_behind(clip: Encoded) -> None:
    limits = JobLimits(queue_seconds=3.0, tick_seconds=0.05)
    async with making(LOW, limits=limits) as studio:
        handle = studio.publisher(clip)
        write(handle, clip.packets[:15])
        await studio.until(lambda: studio.feeds["90p"].packets, "90p must be made")
        assert studio.job.pid is not None
        os.kill(studio.job.pid, signal.SIGSTOP)
        for round_ in range(5):
            write(handle, clip.packets, 500 + round_ * 2000)
        await studio.until(lambda: studio.reports[-1].state == "behind", "it must be told")
        assert studio.reports[-1].lag > 9
        dropped = studio.reports[-1].dropped
        # From 3 s on nothing is given to it.
        assert 200 < dropped < 250
        os.kill(studio.job.pid, signal.SIGCONT)
        await studio.until(lambda: len(studio.feeds["90p"].packets) > 80, "it must go on")
        write(handle, clip.packets, 10_500)
        handle.detach()
        await studio.rests()
        feed = studio.feeds["90p"]
        assert set(feed.keys) < set(studio.source.keys)
        assert feed.keys[-1] == studio.source.keys[-1]
        # What was left out are whole groups of pictures: after a hole comes a key frame.
        holes = [
            after.key
            for before, after in zip(feed.packets, feed.packets[1:], strict=False)
            if after.pts - before.pts > 9000
        ]
        assert holes == [True]
        assert len(studio.source.packets) == 15 + 6 * 60
        await studio.until(lambda: studio.reports[-1].state == "running", "it has caught up")


async def test_octets_that_wait_are_bounded(clip: Encoded) -> None:
    limits = replace(PATIENT, queue_octets=100_000)
    async with making(LOW, limits=limits) as studio:
        assert studio.job.pid is not None
        os.kill(studio.job.pid, signal.SIGSTOP)
        handle = studio.publisher(clip)
        octets = sum(len(packet.data) for packet in clip.packets)
        rounds = 1 + 2_000_000 // octets
        for number in range(rounds):
            write(handle, clip.packets, number * 2000)
            await asyncio.sleep(0)
        await studio.until(lambda: studio.reports and studio.reports[-1].dropped > 0, "drops")
        assert studio.job._worker is not None
        assert studio.job._worker.queued <= 100_000


async def test_closing_ends_it_at_once_and_without_a_word(clip: Encoded) -> None:
    async with making(LOW) as studio:
        handle = studio.publisher(clip)
        write(handle, clip.packets[:30])
        await studio.until(lambda: studio.feeds["90p"].packets, "90p must be made")
        pid = studio.job.pid
        assert pid is not None
        studio.job.close()
        studio.job.close()
        known = len(studio.reports)
        assert studio.feeds["90p"].interruptions == 1
        await studio.until(lambda: not is_alive(pid), "the worker must end")
        await asyncio.sleep(0.1)
        assert len(studio.reports) == known
        studio.stream.ladder.feed("90p").attach().detach()  # free for another


async def test_refusals(clip: Encoded) -> None:
    """Each comes in words, after the job has been made."""
    stream = LiveStream("lab", time.monotonic)
    stream.ladder.declare((LOW,))
    reports: list[JobStatus] = []
    for rungs, words in (
        ((), "1 to 16 renditions can be made, not 0."),
        (
            (make_rung(plan("480p", 854, 480), X264),),
            "There is no rendition '480p' on the ladder that could be encoded.",
        ),
    ):
        reports.clear()
        job = TranscodeJob(stream, JobSpec(rungs), reports.append)
        assert not reports
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [(each.state, each.reason) for each in reports] == [("failed", words)]
        job.close()
    stream.end()


async def test_what_the_worker_cannot_do_is_told_in_words(clip: Encoded) -> None:
    track = replace(clip.tracks[0], fourcc="vvc1", codec="vvc1.1")
    async with making(LOW) as studio:
        studio.stream.attach().describe((track,))
        assert await failure(studio) == "A source of vvc1.1 cannot be decoded here."
    async with making(LOW, encoder=replace(X264, codec="h264_nvenc", options=())) as studio:
        studio.publish(clip)
        assert "h264_nvenc does not start for 90p (160x90)" in await failure(studio)
    garbage = [replace(packet, data=b"\0\0\0\4Nope") for packet in clip.packets] * 5
    async with making(LOW) as studio:
        handle = studio.publisher(clip)
        write(handle, garbage)
        assert "cannot be decoded" in await failure(studio)


async def test_the_loop_is_never_kept_waiting(clip: Encoded) -> None:
    stream = LiveStream("lab", time.monotonic)
    stream.ladder.declare((LOW,))
    stream.ladder.feed("90p").subscribe(Follower())
    began = time.monotonic()
    job = TranscodeJob(stream, JobSpec((make_rung(LOW, X264),)), lambda status: None)
    handle = stream.attach()
    handle.describe(clip.tracks)
    write(handle, clip.packets)
    job.close()
    assert time.monotonic() - began < 0.2
    stream.end()
    await asyncio.sleep(0.1)


PARENT = """
import asyncio, os, signal, time
from metropole_media.live import LiveStream
from metropole_media.transcode.encoders import JobSpec, make_rung
from metropole_media.transcode.job import JobLimits, TranscodeJob
from tests.support.renditions import LOW, X264

async def main():
    stream = LiveStream("lab", time.monotonic)
    stream.ladder.declare((LOW,))
    heard = asyncio.Event()
    limits = JobLimits(tick_seconds=0.05)
    def report(status):
        if status.memory_octets:
            heard.set()
    job = TranscodeJob(stream, JobSpec((make_rung(LOW, X264),)), report, limits=limits)
    await heard.wait()
    os.kill(job.pid, signal.SIGSTOP)  # it cannot even see that its socket closes
    print(job.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def parent(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(PARENT))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_no_worker_outlives_the_site(parent: asyncio.subprocess.Process) -> None:
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    assert is_alive(pid)
    parent.kill()
    began = time.monotonic()
    while is_alive(pid):
        assert time.monotonic() - began < 5, "the worker outlived its parent"
        await asyncio.sleep(0.02)


async def test_a_worker_gives_way(clip: Encoded) -> None:
    stream = LiveStream("lab", time.monotonic)
    stream.ladder.declare((LOW,))
    reports: list[JobStatus] = []
    limits = JobLimits(tick_seconds=0.05)
    spec = JobSpec((make_rung(LOW, X264),), memory_octets=500 << 20)
    job = TranscodeJob(stream, spec, reports.append, limits=limits)
    began = time.monotonic()
    while not (reports and reports[-1].memory_octets):
        assert time.monotonic() - began < 20
        await asyncio.sleep(0.01)
    assert job.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, job.pid) >= 10
    assert os.sched_getscheduler(job.pid) == os.SCHED_BATCH
    assert int(Path(f"/proc/{job.pid}/oom_score_adj").read_text()) >= 500
    limit = next(
        line
        for line in Path(f"/proc/{job.pid}/limits").read_text().splitlines()
        if line.startswith("Max data size")
    )
    assert str(1000 << 20) in limit
    stream.end()
    await asyncio.sleep(0.1)
