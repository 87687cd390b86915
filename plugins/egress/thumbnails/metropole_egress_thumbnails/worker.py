"""The process that decodes: key frames come on its standard input, pictures go out.

Run as `python -m metropole_egress_thumbnails.worker MEMORY_MIB`. What a stream holds is a
stranger's: if a decoder falls over it, this process ends and nothing else does. An empty answer
says that no picture could be made.
"""

from __future__ import annotations

import io
import resource
import sys
from typing import TYPE_CHECKING, BinaryIO, cast

from PIL import Image

from metropole_egress_thumbnails.frames import (
    LENGTH,
    MAX_ANSWER,
    MAX_REQUEST,
    KeyFrame,
    read_request,
)
from metropole_media.transcode.confine import confine

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

DECODERS = {"avc1": "h264", "hvc1": "hevc", "av01": "libdav1d", "vp09": "vp9"}
NICE = 15


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (size,) = LENGTH.unpack(head)
        if size > MAX_REQUEST:
            return
        body = source.read(size)
        if len(body) != size:
            return
        try:
            answer = picture(*read_request(body))
        except Exception:  # decoders raise almost anything on damaged data
            answer = b""
        if len(answer) > MAX_ANSWER:
            answer = b""
        sink.write(LENGTH.pack(len(answer)) + answer)
        sink.flush()


def picture(frame: KeyFrame, width: int, quality: int) -> bytes:
    """A key frame as WebP, at most `width` pixels wide; empty when it shows nothing.

    Raises:
        KeyError: a codec that is not decoded here.
        av.error.FFmpegError: damaged data.
    """
    import av
    from av.codec.context import ThreadType

    decoder = cast("VideoCodecContext", av.CodecContext.create(DECODERS[frame.fourcc], "r"))
    decoder.thread_count = 1
    decoder.thread_type = ThreadType.NONE
    if frame.fourcc != "vp09":  # its record says nothing that the frame does not
        decoder.extradata = frame.config
    shown = [*decoder.decode(av.Packet(frame.data)), *decoder.decode(None)]
    if not shown:
        return b""
    image = shown[0]
    wide = min(width, image.width)
    tall = max(2, round(image.height * wide / image.width / 2) * 2)
    small = image.reformat(width=wide, height=tall, format="rgb24", interpolation="AREA")
    (plane,) = small.planes
    pixels = Image.frombuffer("RGB", (wide, tall), bytes(plane), "raw", "RGB", plane.line_size, 1)
    out = io.BytesIO()
    pixels.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def main() -> None:
    """Bound what this process may take, then serve."""
    octets = int(sys.argv[1]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
    confine(NICE, octets)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
