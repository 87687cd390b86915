"""What decoders, scalers and encoders hand over, in this process."""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import pytest

from metropole_media.transcode import tone
from metropole_media.transcode.bitstream import record_in, to_sample, with_lengths
from metropole_media.transcode.decoding import Decoder, threads_for
from metropole_media.transcode.encoders import VideoDecoder
from metropole_media.transcode.encoding import Encoder
from metropole_media.transcode.scaling import Scaler, settle_colours
from metropole_media.transcode.wire import Media, Source
from tests.support.encoded import encode
from tests.support.renditions import LOW, X264, make_rung

H264 = VideoDecoder("avc1", "h264", threads=8)


def test_start_codes_become_lengths() -> None:
    data = b"\0\0\0\1\x67abc\0\0\1\x68d\0\0\0\1\x65e\0f\0\0\0"
    assert with_lengths(data) == b"\0\0\0\4\x67abc\0\0\0\2\x68d\0\0\0\4\x65e\0f"
    assert with_lengths(b"") == b""
    assert with_lengths(b"no start") == b""
    assert with_lengths(b"\0\0\1") == b""


def test_an_av1_unit_loses_its_delimiter_alone() -> None:
    assert bytes(to_sample("av01", b"\x12\0\x0a\x01\x02")) == b"\x0a\x01\x02"
    assert bytes(to_sample("av01", b"\x0a\x01\x12\0")) == b"\x0a\x01\x12\0"


@pytest.mark.parametrize("header", [b"", b"avcC", b"\0\0\0\7avcC", b"\0\0\1\0avcC\1"])
def test_a_header_without_a_record(header: bytes) -> None:
    with pytest.raises(ValueError):
        record_in("avc1", header)


def picture(pixels: str, level: int, size: tuple[int, int] = (320, 180)) -> Any:
    frame = av.VideoFrame(*size, pixels)
    octets = 1 if frame.format.components[0].bits == 8 else 2
    for number, plane in enumerate(frame.planes):
        value = level if number == 0 else 128 << (frame.format.components[0].bits - 8)
        plane.update(value.to_bytes(octets, "little") * (plane.buffer_size // octets))
    frame.pts, frame.time_base = 0, Fraction(1, 1000)
    return frame


@pytest.mark.parametrize(
    ("pixels", "level"),
    [("yuv420p", 120), ("yuv422p10le", 480), ("yuv444p", 120), ("yuv420p10le", 480)],
)
def test_every_kind_of_picture_becomes_the_usual_one(pixels: str, level: int) -> None:
    frame = Scaler(160, 90, "yuv420p", "BILINEAR").scale(picture(pixels, level))
    assert (frame.width, frame.height, frame.format.name) == (160, 90, "yuv420p")
    assert abs(bytes(frame.planes[0])[5] - 120) <= 1


def test_full_range_becomes_limited() -> None:
    frame = Scaler(160, 90, "yuv420p", "BILINEAR").scale(picture("yuvj420p", 255))
    assert bytes(frame.planes[0])[5] == 235


def test_frames_are_shared_between_threads_and_stay_as_they_are() -> None:
    frame = picture("yuv420p10le", 480)
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, 14, 9
    said = (9, 1, 14, 9, 0)
    seen: list[tuple[int, ...]] = []

    def scale(width: int) -> None:
        scaler = Scaler(width, 90, "yuv420p", "BILINEAR")
        for number in range(200):
            scaled = scaler.scale(frame)
            scaled.pts, scaled.pict_type = number, 1
            seen.append(
                (scaled.colorspace, scaled.color_range, scaled.color_trc, scaled.color_primaries)
            )

    threads = [threading.Thread(target=scale, args=(width,)) for width in (160, 100, 80, 320)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800
    assert set(seen) == {said[:4]}
    assert said == (
        frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries, frame.pts
    )  # fmt: skip


def test_a_frame_that_fits_already_is_another_object() -> None:
    frame = picture("yuv420p", 100, (160, 90))
    frame.color_range = 1
    scaled = Scaler(160, 90, "yuv420p", "BILINEAR").scale(frame)
    scaled.pts = 7
    assert frame.pts == 0
    assert scaled.planes[0].buffer_ptr == frame.planes[0].buffer_ptr


def test_a_player_is_told_the_matrix_of_colours() -> None:
    for height, matrix in ((1080, 1), (360, 6)):
        frame = picture("yuv420p", 100, (height * 16 // 9, height))
        frame.color_trc = frame.color_primaries = 0  # reserved, and yet seen
        settle_colours(frame, 0)
        scaled = Scaler(160, 90, "yuv420p", "BILINEAR").scale(frame)
        encoder = Encoder(0, make_rung(LOW, X264), scaled)
        media = [*encoder.encode(scaled), *encoder.encode(None)]
        source = Source("avc1", 90_000, 160, 90, 30.0, 0, encoder.described.record)
        decoder = Decoder(source, H264)
        (back,) = [*decoder.decode(media[0]), *decoder.flush()]
        assert back.colorspace == matrix
        assert back.color_range == 1


def test_interlaced_pictures_become_whole() -> None:
    source = encode(fps=30, seconds=1, gop=15, size=(320, 180), audio=False, x264="interlaced=1")
    track = source.tracks[0]
    decoder = Decoder(Source("avc1", 1000, 320, 180, 30.0, 0, track.config), H264)
    frames = []
    for packet in source.packets:
        media = Media(0, packet.dts, packet.pts, packet.key, packet.data)
        frames += list(decoder.decode(media))
    frames += list(decoder.flush())
    assert len(frames) == len(source.packets)
    assert not any(frame.interlaced_frame for frame in frames)
    times = [round(float(frame.pts * frame.time_base) * 1000) for frame in frames]
    assert times == sorted(packet.pts for packet in source.packets)


def test_threads_of_a_decoder_are_as_many_as_it_needs() -> None:
    def threads(width: int, height: int, rate: float, most: int = 16) -> int:
        return threads_for(Source("avc1", 1000, width, height, rate, 0, b""), most)

    assert threads(1920, 1080, 60) == 1
    assert threads(3840, 2160, 30) == 2
    assert threads(7680, 4320, 60) == 16
    assert threads(7680, 4320, 60, 2) == 2
    assert threads(1920, 1080, 0) == 1


@pytest.mark.parametrize(("light", "signal"), [(0.0, 0.0), (100, 0.508), (1000, 0.7518), (1e4, 1)])
def test_pq(light: float, signal: float) -> None:
    assert tone.pq_signal(light) == pytest.approx(signal, abs=1e-3)
    assert tone.pq_light(tone.pq_signal(light)) == pytest.approx(light, rel=1e-3, abs=1e-3)


def test_light_is_compressed_without_a_step() -> None:
    before = 0.0
    for light in range(1, 1001):
        now = tone.compress(light)
        assert before < now <= light + 1e-6
        before = now
    assert tone.compress(20) == pytest.approx(20, rel=1e-3)
    assert tone.compress(tone.PEAK) == pytest.approx(tone.WHITE, rel=1e-3)
    assert tone.compress(10_000) == pytest.approx(tone.WHITE, rel=1e-3)


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_grey_stays_grey_and_grows_brighter(transfer: int) -> None:
    lines = tone.make_table(transfer).splitlines()[1:]
    assert len(lines) == tone.POINTS**3
    step = tone.POINTS**2 + tone.POINTS + 1
    greys = [tuple(map(float, line.split())) for line in lines[::step]]
    assert greys[0] == (0, 0, 0)
    assert greys[-1] == pytest.approx((1, 1, 1), abs=0.01)
    for darker, brighter in pairwise(greys):
        assert max(brighter) - min(brighter) < 0.003
        assert darker <= brighter
