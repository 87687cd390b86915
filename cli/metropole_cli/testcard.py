"""A moving test picture with tone, published in real time: `python -m metropole_cli.testcard URL`.

At the top left stands a clock that programs can read from the decoded picture: 32 blocks of 16 x
16 pixels in one row, black for 0 and white for 1. From left to right: 2 marks (1, 0), then 24
bits of the wall clock, Unix time in milliseconds modulo 2^24, most significant bit first, then 6
bits of checksum, the sum of the clock's four groups of 6 bits modulo 64. Whoever reads it looks
at the middle of each block and takes more than half brightness for 1; `read_clock` is that reader.
The clock says when the frame was made, so that its age at the viewer is the whole latency.

PyAV is imported only when the picture is made.
"""

from __future__ import annotations

import argparse
import itertools
import math
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.frame import AudioFrame
    from av.video.frame import VideoFrame

BLOCK = 16
MARKS = (1, 0)
CLOCK_BITS, CHECK_BITS = 24, 6
BLOCKS = len(MARKS) + CLOCK_BITS + CHECK_BITS
BLACK, WHITE = 16, 235
TONE_HZ = 440
SAMPLE_RATE = 48_000
SAMPLES = 1024
MOON_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Picture:
    """What is published.

    Fields:
        width, height: pixels, even, at least 512 x 16 so that the clock has room.
        fps: frames a second.
        gop: seconds between key frames.
        bitrate: of the video in bit/s.
        b_frames: how many in a row.
        audio: whether a tone comes along.
        preset: of x264.
        scene: name of a city at dusk that is shown instead, with a clock for people.
    """

    width: int = 1280
    height: int = 720
    fps: int = 30
    gop: float = 1.0
    bitrate: int = 2_500_000
    b_frames: int = 0
    audio: bool = True
    preset: str = "ultrafast"
    scene: str = ""

    def __post_init__(self) -> None:
        if self.width < BLOCK * BLOCKS or self.height < BLOCK or self.width % 2 or self.height % 2:
            raise ValueError(f"the picture has to be even and at least {BLOCK * BLOCKS} wide")


def clock_blocks(milliseconds: int) -> bytes:
    """The clock's row of luma, one octet a block."""
    clock = milliseconds % (1 << CLOCK_BITS)
    check = sum(clock >> shift & 63 for shift in (0, 6, 12, 18)) % 64
    value = clock << CHECK_BITS | check
    bits = [*MARKS, *(value >> at & 1 for at in range(CLOCK_BITS + CHECK_BITS - 1, -1, -1))]
    return bytes(WHITE if bit else BLACK for bit in bits)


def read_clock(luma: Callable[[int, int], int]) -> int | None:
    """Read the clock from a decoded picture.

    Arguments:
        luma: brightness 0 to 255 at (x, y).

    Returns:
        Milliseconds modulo 2^24, or None when marks or checksum are wrong.
    """
    middle = BLOCK // 2
    bits = [luma(at * BLOCK + middle, middle) > 127 for at in range(BLOCKS)]
    if tuple(bits[: len(MARKS)]) != MARKS:
        return None
    value = 0
    for bit in bits[len(MARKS) :]:
        value = value << 1 | bit
    clock, check = value >> CHECK_BITS, value & ((1 << CHECK_BITS) - 1)
    return clock if sum(clock >> shift & 63 for shift in (0, 6, 12, 18)) % 64 == check else None


def publish(
    url: str,
    picture: Picture,
    *,
    seconds: float = 0.0,
    stopped: Callable[[], bool] = lambda: False,
    real_time: bool = True,
) -> int:
    """Publish until `seconds` have passed (0: for ever) or `stopped` says so.

    Returns:
        Frames sent.

    Raises:
        OSError, av.error.FFmpegError: the server refused or went away.
    """
    import av

    frames = 0
    with av.open(url, "w", format="flv") as output:
        video = output.add_stream("libx264", rate=picture.fps)
        video.width, video.height, video.pix_fmt = picture.width, picture.height, "yuv420p"
        video.bit_rate = picture.bitrate
        video.gop_size = max(1, round(picture.gop * picture.fps))
        video.codec_context.max_b_frames = picture.b_frames
        video.codec_context.time_base = Fraction(1, picture.fps)
        video.codec_context.thread_count = 1
        video.options = {
            "preset": picture.preset,
            "bf": str(picture.b_frames),
            "sc_threshold": "0",
            "rc-lookahead": "0",
            "bufsize": str(picture.bitrate),
            "maxrate": str(picture.bitrate),
            **({} if picture.b_frames else {"tune": "zerolatency"}),
        }
        audio = None
        if picture.audio:
            audio = output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
            audio.bit_rate = 128_000
        tone = _tone()
        sent = 0
        started = time.monotonic()
        frames_of = skyline_frames if picture.scene else _frames
        for number, frame in enumerate(frames_of(picture)):
            due = number / picture.fps
            if stopped() or (seconds and due >= seconds):
                break
            if real_time and (ahead := started + due - time.monotonic()) > 0:
                time.sleep(ahead)
            frame.pts, frame.time_base = number, Fraction(1, picture.fps)
            if not picture.scene:
                _burn(frame, int(time.time() * 1000))
            output.mux(video.encode(frame))
            frames += 1
            while audio is not None and sent * SAMPLES / SAMPLE_RATE <= due:
                sample = next(tone)
                sample.pts, sample.time_base = sent * SAMPLES, Fraction(1, SAMPLE_RATE)
                output.mux(audio.encode(sample))
                sent += 1
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return frames


def _frames(picture: Picture) -> Iterator[VideoFrame]:
    import av
    import av.filter
    from av.video.frame import PictureType

    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={picture.width}x{picture.height}:rate={picture.fps}")
    shape = graph.add("format", "pix_fmts=yuv420p")
    sink = graph.add("buffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    while True:
        frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        frame.make_writable()
        # The source calls each of its frames an I frame, and the encoder would obey.
        frame.pict_type = PictureType.NONE
        yield frame


def skyline_frames(picture: Picture) -> Iterator[VideoFrame]:
    """The moon wanders over a city, and the time of day stands in the corner."""
    import av
    from PIL import ImageDraw, ImageFont

    from metropole_cli.demo.art import skyline

    city = skyline(picture.scene, (picture.width, picture.height))
    font = ImageFont.load_default(picture.height // 18)
    corner = (picture.width - picture.height // 30, picture.height // 30)
    for number in itertools.count():
        turn = number / picture.fps / MOON_SECONDS
        x = round(turn % 1 * (picture.width + 2 * city.radius)) - city.radius
        y = round(picture.height * (0.45 - 0.25 * math.sin(math.pi * (turn % 1))))
        image = city.with_moon(x, y)
        now = datetime.now()  # noqa: DTZ005 - the clock on this machine's wall
        text = f"{now:%H:%M:%S}.{now.microsecond // 100_000}"
        ImageDraw.Draw(image).text(corner, text, font=font, fill="white", anchor="ra")
        frame: VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
        yield frame.reformat(format="yuv420p")


def _burn(frame: VideoFrame, milliseconds: int) -> None:
    plane = frame.planes[0]
    row = b"".join(bytes((value,)) * BLOCK for value in clock_blocks(milliseconds))
    memory = memoryview(plane)
    for y in range(BLOCK):
        at = y * plane.line_size
        memory[at : at + len(row)] = row


def _tone() -> Iterator[AudioFrame]:
    """A soft sine whose period fits the packets, so that a few of them serve for ever."""
    import av

    period = SAMPLE_RATE // math.gcd(SAMPLE_RATE, TONE_HZ)
    wave = [0.1 * math.sin(2 * math.pi * TONE_HZ * at / SAMPLE_RATE) for at in range(period)]
    for number in itertools.count():
        start = number * SAMPLES % period
        values = [wave[(start + at) % period] for at in range(SAMPLES)]
        packed = struct.pack(f"={SAMPLES}f", *values)
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=SAMPLES)
        frame.sample_rate = SAMPLE_RATE
        for plane in frame.planes:
            plane.update(packed)
        yield frame


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="metropole_cli.testcard", description=__doc__)
    parser.add_argument("url", help="rtmp://host/app/key, or - to read it from standard input")
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--gop", type=float, default=1.0, help="seconds between key frames")
    parser.add_argument("--bitrate", type=int, default=2_500_000, help="bit/s of the video")
    parser.add_argument("--b-frames", type=int, default=0)
    parser.add_argument("--scene", default="", help="show a city of that name instead")
    parser.add_argument("--no-audio", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0, help="0: until a signal")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run from the command line; SIGTERM and SIGINT end the broadcast properly."""
    import av.error

    parsed = _arguments(arguments)
    width, _, height = parsed.size.partition("x")
    picture = Picture(
        width=int(width),
        height=int(height),
        fps=parsed.fps,
        gop=parsed.gop,
        bitrate=parsed.bitrate,
        b_frames=parsed.b_frames,
        audio=not parsed.no_audio,
        scene=parsed.scene,
    )
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stop.append(received))
    try:
        url = sys.stdin.readline().strip() if parsed.url == "-" else parsed.url
        publish(url, picture, seconds=parsed.seconds, stopped=lambda: bool(stop))
    except (OSError, av.error.FFmpegError) as error:
        # The URL holds the key: only the kind of the failure is told.
        sys.stderr.write(f"The test picture ended: {type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
