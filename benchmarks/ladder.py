"""A ladder from one source: our worker beside the `ffmpeg` command doing the same.

Decode 1080p, make 720p30 and 480p30 of it with x264 superfast, one thread for each. Both read as
fast as they can, from their start to their last frame, start included. Ours is what a site runs (a
`TranscodeJob` with its worker; what the job itself costs the site is told beside it). The peer is
the command that is installed, Debian's 5.1, with the libraries that it brings: FFmpeg's libraries
of the worker (8.1) are not to be had as a command.
Usage: python -m benchmarks.ladder [--rounds N] [--seconds N] [--fps 60]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from metropole_transcoder_software.codecs import make_encoder

from benchmarks import cpu
from metropole_core.testing.transcoders import Follower
from metropole_media.codecs.avc import parse_avcc
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, Packet, Track
from metropole_media.transcode.encoders import JobSpec, make_rung
from metropole_media.transcode.job import JobLimits, JobStatus, TranscodeJob

WIDTH, HEIGHT, BITRATE = 1920, 1080, 12_000_000
GOP_SECONDS = 2
PRESET = "superfast"
PLANS = (
    RenditionPlan("720p", 1280, 720, 30.0, 2_500_000, "avc1.64001f"),
    RenditionPlan("480p", 854, 480, 30.0, 1_200_000, "avc1.64001e"),
)
AT_ONCE = JobLimits(queue_octets=1 << 30, queue_seconds=1e6, hang_seconds=120, tick_seconds=0.1)


@dataclass(frozen=True, slots=True)
class Source:
    """The same video as packets and as a file."""

    track: Track
    packets: tuple[Packet, ...]
    seconds: float
    file: Path


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds a second of the stream, wall seconds likewise; of the site, by itself."""

    core: float
    wall: float
    site: float = 0.0


def make_source(folder: Path, seconds: int, fps: int) -> Source:
    """A moving test picture with noise."""
    file = folder / "source.mp4"
    rate = f"{WIDTH}x{HEIGHT}:rate={fps}:duration={seconds}"
    with av.open(f"testsrc2=size={rate},noise=alls=8:allf=t", format="lavfi") as test:
        out = av.open(file, "w")
        stream: Any = out.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate, stream.codec_context.gop_size = BITRATE, fps * GOP_SECONDS
        stream.options = {
            "preset": "veryfast",
            "bf": "0",
            "maxrate": str(BITRATE),
            "bufsize": str(BITRATE),
            "sc_threshold": "0",
        }
        found: list[Any] = []
        for frame in test.decode(video=0):
            frame.pict_type = 0
            found += stream.encode(frame)
        found += stream.encode(None)
        for packet in found:
            out.mux(packet)
        out.close()
    with av.open(file) as written:
        stream = written.streams.video[0]
        record = bytes(stream.codec_context.extradata)
        config = parse_avcc(record)
        track = Track(0, "video", "avc1", config.codec, 1000, record, WIDTH, HEIGHT, float(fps))
        packets = tuple(
            Packet(
                0,
                round(packet.dts * packet.time_base * 1000),
                round(packet.pts * packet.time_base * 1000),
                packet.is_keyframe,
                bytes(packet),
            )
            for packet in written.demux(stream)
            if packet.size
        )
    return Source(track, packets, len(packets) / fps, file)


async def ours(source: Source) -> Cost:
    """One worker, from its start to its last frame."""
    stream = LiveStream("benchmark", time.monotonic)
    stream.ladder.declare(PLANS)
    followers = [Follower() for _ in PLANS]
    for plan, follower in zip(PLANS, followers, strict=True):
        stream.ladder.feed(plan.name).subscribe(follower)
    reports: list[JobStatus] = []
    rungs = tuple(make_rung(plan, make_encoder("h264", PRESET, 1, plan.codec)) for plan in PLANS)
    began, site = time.monotonic(), time.process_time()
    job = TranscodeJob(stream, JobSpec(rungs), reports.append, limits=AT_ONCE)
    assert job.pid is not None
    handle = stream.attach()
    handle.describe((source.track,))
    for packet in source.packets:
        handle.write(Packet(0, packet.dts, packet.pts, packet.key, packet.data))
    handle.detach()
    while not all(follower.interruptions for follower in followers):
        await asyncio.sleep(0.02)
        assert not any(report.reason for report in reports), reports[-1]
    wall, spent = time.monotonic() - began, time.process_time() - site
    core = cpu.since_start(job.pid)
    wanted = source.seconds * 30
    assert all(abs(len(follower.packets) - wanted) <= 2 for follower in followers)
    job.close()
    stream.end()
    await asyncio.sleep(0.1)
    return Cost(core / source.seconds, wall / source.seconds, spent / source.seconds)


def theirs(source: Source, folder: Path) -> Cost:
    """The command."""
    halve = "fps=30," if source.track.frame_rate > 30 else ""
    sizes = [f"scale={plan.width}:{plan.height}:flags=bilinear" for plan in PLANS]
    graph = f"[0:v]{halve}split=2[a][b];[a]{sizes[0]}[v0];[b]{sizes[1]}[v1]"
    command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-threads", "1"]
    command += ["-filter_complex_threads", "1", "-i", str(source.file), "-filter_complex", graph]
    for number, plan in enumerate(PLANS):
        rate = str(plan.bitrate)
        command += ["-map", f"[v{number}]", "-c:v", "libx264", "-preset", PRESET]
        command += ["-tune", "zerolatency", "-threads", "1", "-profile:v", "high"]
        command += ["-b:v", rate, "-maxrate", rate, "-bufsize", rate]
        command += ["-x264-params", "keyint=infinite:scenecut=0", "-forced-idr", "1"]
        command += ["-force_key_frames", f"expr:gte(t,n_forced*{GOP_SECONDS})"]
        command += ["-f", "flv", str(folder / f"{plan.name}.flv")]
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    assert process.returncode == 0, "ffmpeg failed"
    core = usage.ru_utime + usage.ru_stime
    return Cost(core / source.seconds, wall / source.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--fps", type=int, default=60, choices=(30, 60))
    options = parser.parse_args()
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True)
    mine: list[Cost] = []
    peer: list[Cost] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        source = make_source(folder, options.seconds, options.fps)
        for _ in range(options.rounds):
            mine.append(asyncio.run(ours(source)))
            peer.append(theirs(source, folder))
    words = f"1080p{options.fps} into 720p30 and 480p30, {PRESET}"
    print(f"| {words} | core-s a second | rounds | wall s | times ffmpeg |")
    print("|---|---|---|---|---|")
    base = statistics.median(each.core for each in peer)
    for title, costs in (
        (f"worker (FFmpeg {av.ffmpeg_version_info})", mine),
        (f"ffmpeg {version.stdout.split()[2]}", peer),
    ):
        cores = [each.core for each in costs]
        wall = statistics.median(each.wall for each in costs)
        core = statistics.median(cores)
        print(
            f"| {title} | {core:.3f} | {min(cores):.3f} to {max(cores):.3f} | {wall:.2f} "
            f"| {core / base:.2f} |"
        )
    site = statistics.median(each.site for each in mine)
    print(f"\nThe job in the site's own process: {site:.4f} core-s a second of the stream.")


if __name__ == "__main__":
    main()
