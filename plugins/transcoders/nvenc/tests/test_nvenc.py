"""NVENC on machines without it: exact options, refusals in words, and what is planned for it."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
from metropole_transcoder_nvenc import complaints, transcoder
from metropole_transcoder_nvenc.complaints import missing, sentence
from metropole_transcoder_nvenc.encoders import decoders, make_encoder
from metropole_transcoder_nvenc.plugin import Plugin
from metropole_transcoder_nvenc.settings import NvencSettings
from metropole_transcoder_nvenc.transcoder import NvencTranscoder

from metropole_core.contracts.ladder import LadderPolicy
from metropole_core.contracts.transcoder import JobReport, JobState, Transcoder
from metropole_core.errors import Unavailable
from metropole_core.registry import Registry
from metropole_core.testing import conformance, make_context
from metropole_core.transcoding.backends import Backends
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream
from metropole_media.transcode.encoders import SOFTWARE_DECODERS, VideoDecoder, VideoEncoder
from metropole_media.transcode.measure import CannotMeasure, Measurement, measure
from tests.support.encoded import encode

SETTINGS = NvencSettings(gpu=1, tune="ull")
LIVE = (
    ("preset", "p4"),
    ("tune", "ull"),
    ("rc", "cbr"),
    ("zerolatency", "1"),
    ("delay", "0"),
    ("rc-lookahead", "0"),
    ("forced-idr", "1"),
    ("no-scenecut", "1"),
    ("b_ref_mode", "disabled"),
    ("gpu", "1"),
)
SPEED = Measurement(900e6, 500e6, 900e6, 800e6)
PLAN = RenditionPlan("180p", 320, 180, 30.0, 300_000, "avc1.64000d")


@pytest.mark.parametrize(
    ("fourcc", "planned", "codec", "more"),
    [
        ("avc1", "avc1.64001f", "h264_nvenc", (("profile", "high"), ("level", "3.1"))),
        ("avc1", "", "h264_nvenc", ()),
        (
            "hvc1",
            "hvc1.1.6.L150.90",
            "hevc_nvenc",
            (("profile", "main"), ("level", "5.0"), ("tier", "main")),
        ),
        (
            "hvc1",
            "hvc1.1.6.H153.90",
            "hevc_nvenc",
            (("profile", "main"), ("level", "5.1"), ("tier", "high")),
        ),
        ("av01", "av01.0.08M.08", "av1_nvenc", ()),
    ],
)
def test_options(fourcc: str, planned: str, codec: str, more: tuple[tuple[str, str], ...]) -> None:
    assert make_encoder(fourcc, SETTINGS, planned) == VideoEncoder(
        codec, fourcc, "nv12", (*LIVE, *more), gop=100_000
    )


def test_every_option_and_value_is_one_that_the_encoder_knows() -> None:
    folder = Path(av.__file__).parent.parent / "av.libs"
    util, codec = (
        ctypes.CDLL(str(next(folder.glob(f"{name}-*.so*")))) for name in ("libavutil", "libavcodec")
    )
    codec.avcodec_find_encoder_by_name.restype = ctypes.c_void_p
    codec.avcodec_alloc_context3.restype = ctypes.c_void_p
    codec.avcodec_alloc_context3.argtypes = [ctypes.c_void_p]
    util.av_opt_set.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
    for fourcc, planned in (
        ("avc1", "avc1.64001f"),
        ("hvc1", "hvc1.1.6.H150.90"),
        ("av01", "av01.0.08M.08"),
    ):
        encoder = make_encoder(fourcc, SETTINGS, planned)
        found = codec.avcodec_find_encoder_by_name(encoder.codec.encode())
        assert found, encoder.codec
        context = codec.avcodec_alloc_context3(found)
        for name, value in encoder.options:
            code = util.av_opt_set(context, name.encode(), value.encode(), 1)
            assert code == 0, (encoder.codec, name, value)
        assert util.av_opt_set(context, b"nonsense", b"1", 1) != 0


def test_decoders() -> None:
    assert decoders(SETTINGS) == (
        VideoDecoder("avc1", "h264", hwaccel="cuda", device="1"),
        VideoDecoder("hvc1", "hevc", hwaccel="cuda", device="1"),
        VideoDecoder("av01", "libdav1d"),
        VideoDecoder("vp09", "vp9", hwaccel="cuda", device="1"),
    )
    assert decoders(NvencSettings(decode=False)) == SOFTWARE_DECODERS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[h264_nvenc] Cannot load libcuda.so.1", "driver is not installed"),
        ("[h264_nvenc] Cannot load libnvidia-encode.so.1", "libnvidia-encode1"),
        ("[CUDA] Cannot load libnvcuvid.so.1", "libnvcuvid1"),
        (
            "[h264_nvenc] The minimum required Nvidia driver for nvenc is 570.0 or newer",
            "too old: 570.0 or newer",
        ),
        (
            "[h264_nvenc] The minimum required Nvidia driver for nvenc is (unknown) or newer",
            "too old: 570 or newer",
        ),
        (
            "Driver does not support the required nvenc API version. Required: 13.0 Found: 12.2",
            "too old",
        ),
        (
            "[h264_nvenc] OpenEncodeSessionEx failed: out of memory (10): (no details)",
            "max_sessions",
        ),
        ("OpenEncodeSessionEx failed: incompatible client key (21): (no details)", "max_sessions"),
        ("[av1_nvenc] OpenEncodeSessionEx failed: unsupported device (2): (no details)", "cannot"),
        ("[av1_nvenc] Codec not supported", "cannot encode that codec"),
        ("[h264_nvenc] No capable devices found", "setting gpu"),
        ("[CUDA] cuDeviceGet failed -> CUDA_ERROR_INVALID_DEVICE: invalid device ordinal", "gpu"),
        ("cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device", "nvidia-smi"),
        ("cuCtxCreate failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory", "memory of the graphics"),
        ("cuInit(0) failed -> CUDA_ERROR_UNKNOWN: unknown error", "restart the machine"),
        ("[h264_nvenc] InitializeEncoder failed: invalid param (8): Invalid Level.", "that size"),
        ("open: Permission denied", "/dev/nvidia*"),
        ("No picture came out for 5 s.", "No picture came out for 5 s."),
        ("", ""),
    ],
)
def test_complaints(text: str, words: str) -> None:
    whole = f"The encoder does not start for 720p (1280x720): [Errno 1]; last error log: {text}."
    assert words in sentence(whole if "[" in text else text)


async def test_what_ffmpeg_says_here_is_understood() -> None:
    """Without a card: the real complaint of the real library."""
    if not missing():
        pytest.skip("there is an NVIDIA card here")
    for decoder in (SOFTWARE_DECODERS[0], decoders(SETTINGS)[0]):
        with pytest.raises(CannotMeasure) as caught:
            await measure(
                make_encoder("avc1", SETTINGS),
                decoder,
                size=(160, 90),
                source=(320, 180),
                seconds=0.2,
            )
        assert "driver is not installed" in sentence(str(caught.value))


def test_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control, windows = tmp_path / "nvidiactl", tmp_path / "dxg"
    assert f"{control} does not exist" in missing((str(control), str(windows)))
    windows.touch()
    assert missing((str(control), str(windows))) == ""
    control.touch()
    monkeypatch.setattr(complaints.os, "access", lambda path, mode: False)
    assert f"rights of {control}" in missing((str(control), str(windows)))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Measurement | str]]:
    """A machine whose measurements are these, by encoder and how it decodes."""
    answers: dict[str, Measurement | str] = {}

    async def answer(encoder: VideoEncoder, decoder: VideoDecoder, **_: object) -> Measurement:
        found = answers[f"{encoder.codec} {decoder.hwaccel}".strip()]
        if isinstance(found, str):
            raise CannotMeasure(found)
        return found

    monkeypatch.setattr(transcoder, "measure", answer)
    monkeypatch.setattr(transcoder, "missing", lambda: "")
    return iter([answers]).__next__()  # type: ignore[return-value]


async def test_a_card_that_does_all(card: dict[str, Measurement | str]) -> None:
    card |= {"h264_nvenc cuda": SPEED, "hevc_nvenc cuda": replace(SPEED, encode_per_second=250e6)}
    found = await NvencTranscoder(NvencSettings()).probe()
    assert found.hardware
    assert found.decodes == ("avc1", "hvc1", "av01", "vp09")
    assert found.decode_pixels_per_second == 800e6
    assert [each.fourcc for each in found.encodings] == ["avc1", "hvc1"]
    assert [each.pixels_per_second for each in found.encodings] == [500e6, 250e6]
    for each in found.encodings:
        assert each.max_frame_rate >= 30
    assert "H.264, HEVC: about 18 renditions" in found.sentence
    assert "the card decodes" in found.sentence


async def test_a_card_without_one_codec_and_one_without_a_decoder(
    card: dict[str, Measurement | str],
) -> None:
    card |= {
        "h264_nvenc cuda": "The decoder h264 does not start: Cannot load libnvcuvid.so.1.",
        "h264_nvenc": SPEED,
        "av1_nvenc": "[av1_nvenc] Codec not supported",
    }
    back_end = NvencTranscoder(NvencSettings(codecs=("h264", "av1")))
    found = await back_end.probe()
    assert [each.fourcc for each in found.encodings] == ["avc1"]
    assert "the processor decodes" in found.sentence
    assert "libnvcuvid1" in found.sentence
    assert "cannot encode that codec" in found.sentence


async def test_a_card_that_does_nothing_says_each_reason_once(
    card: dict[str, Measurement | str],
) -> None:
    card |= dict.fromkeys(("h264_nvenc cuda", "hevc_nvenc cuda"), "Cannot load libcuda.so.1")
    with pytest.raises(Unavailable) as caught:
        await NvencTranscoder(NvencSettings()).probe()
    assert caught.value.sentence.count("driver is not installed") == 1


async def test_the_site_hears_why_it_does_not_work() -> None:
    if not missing():
        pytest.skip("there is an NVIDIA card here")
    registry = Registry()
    plugin = Plugin(make_context(NvencSettings()))
    plugin.register_transcoder(
        register=lambda each: registry.add("transcoder_nvenc", "register_transcoder", each)
    )
    policies: list[LadderPolicy] = []
    plugin.register_ladder(register=policies.append)
    # Named alike, so that the policy is taken for what this back-end encodes.
    assert [each.name for each in policies] == ["nvenc"]
    backends = Backends(registry, "", 0.2)
    await backends.probe()
    assert backends.usable() == ()
    (backend,) = backends.all()
    assert "/dev/nvidiactl does not exist (apt-get install" in backend.why_not


async def test_conforms() -> None:
    registered: list[Transcoder] = []
    Plugin(make_context(NvencSettings())).register_transcoder(register=registered.append)
    clip = encode(fps=30, seconds=1, gop=15, size=(384, 216))
    await conformance.check_transcoder(registered[0], clip.tracks, clip.packets, (PLAN,))


async def test_a_job_that_cannot_be_is_refused_in_words() -> None:
    if not missing():
        pytest.skip("there is an NVIDIA card here")
    back_end = NvencTranscoder(NvencSettings(max_sessions=2, decode=False))
    clip = encode(fps=30, seconds=1, gop=15, size=(384, 216))
    reports: list[JobReport] = []
    plans = (PLAN, replace(PLAN, name="90p", width=160, height=90, codec="avc1.64000b"))

    async def reason() -> str:
        end = time.monotonic() + 15
        while not (failed := [each for each in reports if each.state is JobState.FAILED]):
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        reports.clear()
        return failed[0].reason

    stream = LiveStream("lab", time.monotonic)
    stream.ladder.declare(plans)
    first = back_end.start(stream, plans, reports.append)
    # Two sessions are taken while it lives.
    second = back_end.start(stream, plans[:1], reports.append)
    assert "max_sessions" in await reason()
    second.close()
    handle = stream.attach()
    handle.describe(clip.tracks)
    for packet in clip.packets:
        handle.write(replace(packet))
    # The worker says what FFmpeg says, the back-end what to do about it.
    assert "driver is not installed" in await reason()
    third = back_end.start(stream, (replace(PLAN, codec="vp09.00"),), reports.append)
    assert "no encoder for vp09" in await reason()
    for job in (first, third):
        job.close()
    stream.end()
