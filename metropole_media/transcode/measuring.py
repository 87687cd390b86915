"""Measures an encoder and a decoder: python -m metropole_media.transcode.measuring

A process of its own, since drivers may crash or hang. Reads one JSON object from standard input
(`measure.measure` writes it), encodes and decodes a moving test picture, and writes one.
"""

from __future__ import annotations

import json
import sys
import time
from fractions import Fraction
from typing import Any

from metropole_media.transcode.confine import confine
from metropole_media.transcode.encoders import Rung, VideoEncoder, decoder_from, encoder_from

MEMORY_OCTETS = 4 << 30
SOURCE_ENCODER = VideoEncoder(
    "libx264", "avc1", options=(("preset", "superfast"), ("tune", "zerolatency"))
)
SOURCE_BITS_PER_PIXEL = 0.1
TICKS = 90_000


def measure(request: dict[str, Any]) -> dict[str, float]:
    """See `measure.Measurement`."""
    # Not before the process is confined.
    from metropole_media.transcode.decoding import Decoder
    from metropole_media.transcode.encoding import Encoder
    from metropole_media.transcode.scaling import Scaler
    from metropole_media.transcode.wire import Media, Source

    encoder, decoder = encoder_from(request["encoder"]), decoder_from(request["decoder"])
    width, height, rate = request["width"], request["height"], request["frame_rate"]
    big_width, big_height = request["source_width"], request["source_height"]
    pictures = _pictures(big_width, big_height, rate, round(rate * request["seconds"]))

    def rung(name: str, wide: int, high: int, bits: float, choice: VideoEncoder) -> Rung:
        return Rung(name, wide, high, rate, round(wide * high * rate * bits), choice)

    bits = SOURCE_BITS_PER_PIXEL
    maker = Encoder(0, rung("source", big_width, big_height, bits, SOURCE_ENCODER), pictures[0])
    clip: list[Media] = []
    for picture in [*pictures, None]:
        clip += maker.encode(picture)

    source = Source("avc1", TICKS, big_width, big_height, rate, 0, maker.described.record)
    reader = Decoder(source, decoder)
    clock = _Clock()
    frames = [frame for media in clip for frame in reader.decode(media)] + [*reader.flush()]
    decode = clock.read()
    if len(frames) < len(pictures) // 2:
        raise ValueError(f"The decoder {decoder.codec} made {len(frames)} of {len(pictures)}.")

    scaler = Scaler(width, height, encoder.pixel_format, encoder.scaling)
    clock = _Clock()
    writer = Encoder(0, rung("test", width, height, bits, encoder), frames[0])
    octets = 0
    for number, frame in enumerate(frames):
        scaled = scaler.scale(frame)
        scaled.pts, scaled.time_base = number * round(TICKS / rate), Fraction(1, TICKS)
        scaled.pict_type = int(number == 0)
        octets += sum(len(media.data) for media in writer.encode(scaled))
    octets += sum(len(media.data) for media in writer.encode(None))
    encode = clock.read()
    if not octets:
        raise ValueError(f"The encoder {encoder.codec} made nothing.")
    read, written = len(clip) * big_width * big_height, len(frames) * width * height
    return {
        "encode_per_cpu_second": written / encode[0],
        "encode_per_second": written / encode[1],
        "decode_per_cpu_second": read / decode[0],
        "decode_per_second": read / decode[1],
    }


class _Clock:
    """Processor time and time from now on."""

    def __init__(self) -> None:
        self._began = time.process_time(), time.monotonic()

    def read(self) -> tuple[float, float]:
        cpu, wall = self._began
        return max(time.process_time() - cpu, 1e-6), max(time.monotonic() - wall, 1e-6)


def _pictures(width: int, height: int, rate: float, count: int) -> list[Any]:
    """Something that moves, with noise: what costs about as much as a game."""
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    last = graph.add("testsrc2", f"size={width}x{height}:rate={rate:g}")
    for name, arguments in (("noise", "alls=8:allf=t"), ("format", "yuv420p"), ("buffersink", "")):
        following = graph.add(name, arguments) if arguments else graph.add(name)
        last.link_to(following)
        last = following
    graph.configure()
    pictures = []
    for number in range(count):
        picture = graph.vpull()
        picture.pts, picture.time_base = number * round(TICKS / rate), Fraction(1, TICKS)
        picture.pict_type = 0
        pictures.append(picture)
    return pictures


def main() -> None:
    """Answer {"failure": sentence} when it does not work."""
    request = json.load(sys.stdin)
    confine(request["niceness"], MEMORY_OCTETS)
    try:
        answer: dict[str, Any] = measure(request)
    except Exception as error:
        answer = {"failure": str(error) or type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
