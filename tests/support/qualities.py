"""An encoder that sends several qualities of one picture in one connection (multitrack):
made once, sent again and again, so that sending costs next to nothing.

    clip = qualities.make(folder)                       # some seconds, once
    async with qualities.sending(url, clip): ...        # until the block ends

From a shell: `python -m tests.support.qualities URL FILE`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.publisher import PublisherProcess, running

SECONDS = 8
"""Of the clip; then it begins again. A whole number of packets of sound, too."""
FPS, SAMPLE_RATE, SAMPLES = 30, 48_000, 1024


@dataclass(frozen=True)
class Quality:
    """A picture of `height` lines, 16:9, at exactly so many bit/s."""

    height: int
    bitrate: int

    @property
    def width(self) -> int:
        return self.height * 16 // 9


LADDER = (Quality(720, 2_500_000), Quality(360, 1_000_000), Quality(180, 250_000))
"""Each at most four times the next one."""


def make(folder: Path, ladder: Sequence[Quality] = LADDER, sounds: int = 1) -> Path:
    """The clip, if it is not there yet: H.264 with a key frame each second, filled up to its
    bitrate, and a tone or more.

    Arguments:
        ladder: best first.
        sounds: tracks of sound.
    """
    import av
    from metropole_cli.testcard import Picture, _frames, _tone

    path = folder / f"qualities-{len(ladder)}-{sounds}.mkv"
    if path.exists():
        return path
    with av.open(str(path), "w") as output:
        videos: list[Any] = []
        for quality in ladder:
            video = output.add_stream("libx264", rate=FPS)
            video.width, video.height, video.pix_fmt = quality.width, quality.height, "yuv420p"
            video.bit_rate = quality.bitrate
            video.codec_context.time_base = Fraction(1, FPS)
            video.codec_context.thread_count = 1
            rate = f"vbv-maxrate={quality.bitrate // 1000}:vbv-bufsize={quality.bitrate // 2000}"
            video.options = {
                "preset": "ultrafast", "tune": "zerolatency", "g": str(FPS), "sc_threshold": "0",
                "x264-params": f"nal-hrd=cbr:{rate}",
            }  # fmt: skip
            videos.append(video)
        audios = [
            output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=64_000)
            for _ in range(sounds)
        ]
        pictures = _frames(Picture(width=ladder[0].width, height=ladder[0].height, fps=FPS))
        for number, frame in zip(range(SECONDS * FPS), pictures, strict=False):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            for video in videos:
                output.mux(video.encode(frame.reformat(video.width, video.height)))
        tone = _tone()
        for number in range(SECONDS * SAMPLE_RATE // SAMPLES):
            sample = next(tone)
            sample.pts, sample.time_base = number * SAMPLES, Fraction(1, SAMPLE_RATE)
            for audio in audios:
                output.mux(audio.encode(sample))
        for stream in (*videos, *audios):
            output.mux(stream.encode(None))
    return path


def send(url: str, clip: Path) -> None:
    """Publish it in real time, for ever."""
    import av

    with av.open(str(clip)) as source:
        packets = [
            (packet.stream.index, float(packet.dts * packet.time_base), packet)
            for packet in source.demux()
            # Encoders of sound begin before zero.
            if packet.dts is not None and packet.dts >= 0 and packet.time_base is not None
        ]
        packets.sort(key=lambda each: each[1])
        with av.open(url, "w", format="flv") as output:
            streams = [
                output.add_stream_from_template(each, opaque=True) for each in source.streams
            ]
            started = time.monotonic()
            offset = 0
            while True:
                for index, at, packet in packets:
                    due = started + offset + at
                    if (ahead := due - time.monotonic()) > 0:
                        time.sleep(ahead)
                    base = packet.time_base
                    assert base is not None
                    shift = round(offset / base)
                    copy = av.Packet(bytes(packet))
                    copy.stream, copy.time_base = streams[index], base
                    assert packet.dts is not None
                    assert packet.pts is not None
                    copy.dts, copy.pts = packet.dts + shift, packet.pts + shift
                    copy.duration = packet.duration
                    copy.is_keyframe = packet.is_keyframe
                    output.mux(copy)
                offset += SECONDS


@contextlib.asynccontextmanager
async def sending(url: str, clip: Path) -> AsyncIterator[PublisherProcess]:
    """Publish it until the block ends."""
    command = (sys.executable, "-m", "tests.support.qualities", url, str(clip))
    async with running(*command) as publisher:
        yield publisher


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        send(sys.argv[1], Path(sys.argv[2]))
