"""A paced RTMP publisher for measurements: any bitrate and chunk size, from prebuilt octets.

The picture is a short H.264 clip that repeats, each frame filled up with a filler NAL unit to the
size that the bitrate asks for. The last octets of each frame carry the time of its sending, so
that whoever fetches the packaged stream can say how old it is.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

from metropole_media.rtmp import amf0, messages
from metropole_media.rtmp.chunk_writer import ChunkWriter

FPS = 60
GOP = 120
MARK = b"\xabMETROPOLE\xba"
STAMP = len(MARK) + 8
VIDEO_CSID, AUDIO_CSID = 6, 7


@dataclass(slots=True)
class Clip:
    """An encoded clip of one GOP. `frames` are length-prefixed access units."""

    avcc: bytes
    frames: list[bytes]
    asc: bytes
    audio: list[bytes]


def make_clip(width: int = 1280, height: int = 720, encoded: int = GOP) -> Clip:
    """Encode one GOP of 60 frames a second, and two seconds of silence.

    Arguments:
        encoded: frames that are really encoded; those behind the first are repeated to fill the
            GOP, which nobody sees who does not decode.
    """
    video = av.CodecContext.create("libx264", "w")
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.time_base, video.framerate = Fraction(1, FPS), Fraction(FPS)
    video.gop_size = GOP
    video.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "annexb=0"}
    video.flags |= 1 << 22  # global header: the parameter sets stand in extradata
    video.open()
    packets = []
    for index in range(encoded):
        frame = av.VideoFrame(width, height, "yuv420p")
        bar = bytes(index * 8) + b"\xc8" * 200
        row = bar + bytes(frame.planes[0].line_size - len(bar))
        frame.planes[0].update(row * height)
        for plane in frame.planes[1:]:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts = index
        packets += video.encode(frame)
    packets += video.encode(None)
    audio = av.CodecContext.create("aac", "w")
    audio.sample_rate, audio.layout, audio.format = 48000, "stereo", "fltp"
    audio.flags |= 1 << 22
    audio.open()
    sound = []
    for index in range(94):
        silence = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        silence.sample_rate, silence.pts = 48000, index * 1024
        sound += audio.encode(silence)
    first, *rest = [bytes(packet) for packet in packets]
    return Clip(
        bytes(video.extradata or b""),
        [first, *(rest[index % len(rest)] for index in range(GOP - 1))],
        bytes(audio.extradata or b""),
        [bytes(packet) for packet in sound],
    )


class Publisher:
    """Publishes a clip at a bitrate until its time is up.

    Arguments:
        bitrate: of the video, bit/s.
        chunk_size: of our side of the connection.
        tls: to publish by RTMPS.
        smaller: further qualities of the picture, with their bitrates (Enhanced RTMP, multitrack).
    """

    def __init__(
        self,
        port: int,
        app: str,
        key: str,
        clip: Clip,
        bitrate: int,
        chunk_size: int,
        smaller: Sequence[tuple[Clip, int]] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.smaller = smaller
        self.clip, self.size, self.chunk_size = clip, bitrate // 8 // FPS, chunk_size
        self.writer = ChunkWriter()
        self.octets = self.sent = self.sounds = 0
        self.stopping = False
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket)
        self._greet(port, app, key)

    def _greet(self, port: int, app: str, key: str) -> None:
        c1 = bytes(8) + os.urandom(1528)
        self.socket.sendall(b"\x03" + c1)
        answer = self._exactly(1 + 1536 + 1536)
        self.socket.sendall(answer[1:1537])
        self.socket.sendall(self.writer.set_chunk_size(self.chunk_size))
        url = f"rtmp://127.0.0.1:{port}/{app}"
        self._command(["connect", 1.0, {"app": app, "type": "nonprivate", "tcUrl": url}], 0)
        self._command(["createStream", 2.0, None], 0)
        self._until(b"_result", 2)
        self._command(["publish", 3.0, None, key, "live"], 1)
        self._until(b"NetStream.Publish.Start", 1)
        head = bytes.fromhex("1700000000")
        self._send(VIDEO_CSID, messages.VIDEO, head + self.clip.avcc, 0)
        self._send(AUDIO_CSID, messages.AUDIO, b"\xaf\x00" + self.clip.asc, 0)
        for number, (clip, _) in enumerate(self.smaller, 1):
            head = b"\x96\x00avc1" + bytes([number])
            self._send(VIDEO_CSID, messages.VIDEO, head + clip.avcc, 0)

    def _command(self, values: list[object], stream: int) -> None:
        payload = amf0.encode(values)  # type: ignore[arg-type]
        self.socket.sendall(self.writer.message(3, messages.COMMAND, payload, stream_id=stream))

    def _send(self, csid: int, kind: int, payload: bytes, timestamp: int) -> None:
        message = self.writer.message(csid, kind, payload, timestamp=timestamp, stream_id=1)
        self.octets += len(message)
        self.socket.sendall(message)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            got = self.socket.recv(count - len(data))
            assert got, "the server closed the connection"
            data += got
        return data

    def _until(self, word: bytes, times: int) -> None:
        self.socket.settimeout(5)
        data = b""
        while data.count(word) < times:
            got = self.socket.recv(65536)
            assert got, f"the server closed the connection: {data!r}"
            data += got

    def _frame(self, index: int) -> bytes:
        unit = self.clip.frames[index % GOP]
        fill = self.size - len(unit) - 5
        # The stamp must lie in one chunk: keep the message's tail longer than it.
        whole = 5 + len(unit) + 5 + max(fill, STAMP + 1)
        if whole > self.chunk_size and 0 < whole % self.chunk_size < STAMP + 1:
            fill += STAMP + 1
        fill = max(fill, STAMP + 1)
        stamp = MARK + struct.pack(">d", time.monotonic())
        filler = b"\x0c" + b"\xff" * (fill - 1 - STAMP) + stamp
        key = b"\x17" if index % GOP == 0 else b"\x27"
        return key + b"\x01\x00\x00\x00" + unit + struct.pack(">I", len(filler)) + filler

    def run(self, seconds: float) -> None:
        """Publish, paced by frame, until the time is up or `stopping` is set."""
        self.socket.setblocking(True)
        began, first = time.monotonic(), self.sent
        while self.sent < first + int(seconds * FPS) and not self.stopping:
            wait = began + (self.sent - first) / FPS - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            at = self.sent * 1000 // FPS
            while self.sounds * 1024 // 48 <= at:
                packet = self.clip.audio[self.sounds % len(self.clip.audio)]
                stamp = self.sounds * 1024 // 48
                self._send(AUDIO_CSID, messages.AUDIO, b"\xaf\x01" + packet, stamp)
                self.sounds += 1
            self._send(VIDEO_CSID, messages.VIDEO, self._frame(self.sent), at)
            for number, (clip, bitrate) in enumerate(self.smaller, 1):
                self._send(VIDEO_CSID, messages.VIDEO, _track(number, clip, bitrate, self.sent), at)
            self.sent += 1

    def close(self) -> None:
        """End as an encoder does."""
        self._command(["FCUnpublish", 4.0, None, "x"], 0)
        self._command(["deleteStream", 5.0, None, 1.0], 0)
        self.socket.close()


def _track(number: int, clip: Clip, bitrate: int, index: int) -> bytes:
    """A frame of a further video track: OneTrack, CodedFramesX."""
    unit = clip.frames[index % GOP]
    fill = max(2, bitrate // 8 // FPS - len(unit) - 5)
    key = b"\x96" if index % GOP == 0 else b"\xa6"
    head = key + b"\x03avc1" + bytes([number])
    return head + unit + struct.pack(">I", fill) + b"\x0c" + b"\xff" * (fill - 1)
