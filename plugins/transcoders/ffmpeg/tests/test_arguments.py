"""The command of ffmpeg, word for word: nothing else proves it without the hardware."""

from __future__ import annotations

import pytest
from metropole_transcoder_ffmpeg.arguments import Input, believed_rate, command, step
from metropole_transcoder_ffmpeg.backends import BACKENDS, QSV, SOFTWARE, VAAPI, encoder_for
from metropole_transcoder_ffmpeg.settings import FfmpegSettings
from pydantic import ValidationError

from metropole_media.transcode.encoders import Rung

DEVICE = "/dev/dri/renderD128"
SOURCE = Input("avc1", 60.0, 60.0)
START = (
    "ffmpeg -hide_banner -nostdin -nostats -loglevel level+warning -copyts {device}"
    " -probesize 32 -analyzeduration 1 -fpsprobesize 0 -threads 1 {decode}"
    " -f mp4 -i pipe:0 -filter_complex_threads 1 -filter_complex {filters}"
)
END = (
    "-force_key_frames source -fps_mode passthrough -enc_time_base 1:90000 -tag:v {tag} -f mp4"
    " -movflags +frag_every_frame+empty_moov+default_base_moof+frag_discont+skip_trailer"
    " -use_editlist 0 -avoid_negative_ts disabled -video_track_timescale 90000 -flush_packets 1"
)
HALVED = "select='st(0,if(key,0,ld(0)+1));not(mod(ld(0),2))'"


def words(*parts: str) -> list[str]:
    return " ".join(parts).split()


def rungs(name: str) -> dict[int, Rung]:
    backend = BACKENDS[name]
    plans = ((7, 1280, 720, 60.0, "avc1.640020"), (9, 640, 360, 30.0, "hvc1.1.6.L63.90"))
    made = {}
    for descriptor, width, height, rate, codec in plans:
        encoder = encoder_for(backend, codec)
        assert encoder is not None
        made[descriptor] = Rung(f"{height}p", width, height, rate, 1_000_000, encoder)
    return made


def test_vaapi() -> None:
    assert command("ffmpeg", VAAPI, DEVICE, SOURCE, rungs("vaapi"), ("-low_power", "1")) == words(
        START.format(
            device=f"-init_hw_device vaapi=gpu:{DEVICE} -filter_hw_device gpu",
            decode="-hwaccel vaapi -hwaccel_device gpu -hwaccel_output_format vaapi"
            " -extra_hw_frames 8",
            filters="[0:v]format=nv12|vaapi,hwupload,split=2[in0][in1];"
            "[in0]scale_vaapi=w=1280:h=720:format=nv12[out0];"
            f"[in1]{HALVED},scale_vaapi=w=640:h=360:format=nv12[out1]",
        ),
        "-map [out0] -c:v h264_vaapi -threads 1 -b:v 1000000 -maxrate 1000000 -bufsize 1000000"
        " -bf 0 -g 252 -rc_mode CBR -async_depth 1 -profile:v high -level 3.2 -low_power 1",
        END.format(tag="avc1"),
        "pipe:7",
        # Half of the frames: the encoder, which counts on 60 a second, is told twice the bits.
        "-map [out1] -c:v hevc_vaapi -threads 1 -b:v 2000000 -maxrate 2000000 -bufsize 2000000"
        " -bf 0 -g 126 -rc_mode CBR -async_depth 1 -profile:v main -level 2.1 -tier main"
        " -low_power 1",
        END.format(tag="hvc1"),
        "pipe:9",
    )


def test_quick_sync() -> None:
    assert command("ffmpeg", QSV, DEVICE, SOURCE, rungs("qsv")) == words(
        START.format(
            device=f"-init_hw_device qsv=gpu:hw_any,child_device={DEVICE} -filter_hw_device gpu",
            decode="-hwaccel qsv -hwaccel_device gpu -hwaccel_output_format qsv"
            " -extra_hw_frames 8 -async_depth 1 -c:v h264_qsv",
            filters="[0:v]format=nv12|qsv,hwupload=extra_hw_frames=16,split=2[in0][in1];"
            "[in0]scale_qsv=w=1280:h=720:format=nv12[out0];"
            f"[in1]{HALVED},scale_qsv=w=640:h=360:format=nv12[out1]",
        ),
        "-map [out0] -c:v h264_qsv -threads 1 -b:v 1000000 -maxrate 1000000 -bufsize 1000000"
        " -bf 0 -g 252 -preset faster -async_depth 1 -forced_idr 1 -look_ahead 0 -adaptive_i 0"
        " -adaptive_b 0 -profile:v high -level 32",
        END.format(tag="avc1"),
        "pipe:7",
        "-map [out1] -c:v hevc_qsv -threads 1 -b:v 2000000 -maxrate 2000000 -bufsize 2000000"
        " -bf 0 -g 126 -preset faster -async_depth 1 -forced_idr 1 -profile:v main -level 21"
        " -tier main",
        END.format(tag="hvc1"),
        "pipe:9",
    )


def test_quick_sync_uploads_what_it_does_not_decode() -> None:
    made = command("ffmpeg", QSV, DEVICE, Input("av01", 30.0), rungs("qsv"))
    assert "-hwaccel" not in made
    assert "-c:v" not in made[: made.index("-i")]
    assert "format=nv12|qsv,hwupload=" in made[made.index("-filter_complex") + 1]


def test_software() -> None:
    assert command("ffmpeg", SOFTWARE, DEVICE, SOURCE, rungs("software")) == words(
        START.format(
            device="",
            decode="",
            filters="[0:v]split=2[in0][in1];"
            "[in0]scale=1280:720:flags=bicubic,format=yuv420p[out0];"
            f"[in1]{HALVED},scale=640:360:flags=bicubic,format=yuv420p[out1]",
        ),
        "-map [out0] -c:v libx264 -threads 1 -b:v 1000000 -maxrate 1000000 -bufsize 1000000"
        " -bf 0 -g 252 -preset veryfast -tune zerolatency -forced-idr 1 -sc_threshold 0"
        " -profile:v high -level 3.2",
        END.format(tag="avc1"),
        "pipe:7",
        "-map [out1] -c:v libx265 -threads 1 -b:v 2000000 -maxrate 2000000 -bufsize 2000000"
        " -bf 0 -g 126 -preset veryfast -tune zerolatency -forced-idr 1 -x265-params"
        " scenecut=0:repeat-headers=0:log-level=error:level-idc=21:high-tier=0 -profile:v main",
        END.format(tag="hvc1"),
        "pipe:9",
    )


def test_one_rendition_needs_no_split() -> None:
    one = {3: rungs("vaapi")[7]}
    made = command("ffmpeg", VAAPI, DEVICE, SOURCE, one)
    assert made[made.index("-filter_complex") + 1] == (
        "[0:v]format=nv12|vaapi,hwupload,scale_vaapi=w=1280:h=720:format=nv12[out0]"
    )


@pytest.mark.parametrize(
    ("rate", "said", "believed"),
    [
        (60.0, 60.0, 60.0),
        (30.0, 0.0, 30.0),
        (30.0, 60.0, 60.0),  # what the stream says goes before
        (60.0, 1000.0, 60.0),  # unless nobody can mean it
        (120.0, 120.0, 120.0),
        (120.0, 0.0, 60.0),
        (120.0, 1000.0, 60.0),
    ],
)
def test_what_ffmpeg_takes_for_the_frame_rate(rate: float, said: float, believed: float) -> None:
    source = Input("avc1", rate, said)
    assert believed_rate(source) == believed
    made = command("ffmpeg", SOFTWARE, DEVICE, source, {3: rungs("software")[9]})
    # What the encoder gives a frame, and how many there are.
    frames = rate / step(source, rungs("software")[9])
    bits = float(made[made.index("-b:v") + 1]) / believed * frames
    assert bits == pytest.approx(1_000_000, rel=1e-6)


@pytest.mark.parametrize(
    ("rate", "wanted", "each"),
    [(60, 60, 1), (59.94, 30, 2), (60, 30, 2), (50, 25, 2), (30, 25, 1), (120, 30, 4), (90, 30, 3)],
)
def test_frames_are_left_out_evenly(rate: float, wanted: float, each: int) -> None:
    encoder = SOFTWARE.encoders["avc1"]
    assert step(Input("avc1", rate), Rung("x", 2, 2, wanted, 1, encoder)) == each


@pytest.mark.parametrize(
    ("codec", "name"),
    [("av01.0.04M.08", None), ("avc1.640020", "h264_vaapi"), ("avc1", "h264_vaapi")],
)
def test_the_encoder_is_that_of_the_planned_codec(codec: str, name: str | None) -> None:
    encoder = encoder_for(VAAPI, codec)
    assert (encoder and encoder.codec) == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-low_power"], "needs a value"),
        (["out.mp4", "x"], "no option"),
        (["-f", "flv"], "set by the plugin"),
        (["-c:v", "libx264"], "set by the plugin"),
        (["-x", "a\nb"], "printable"),
        (["-x", ""], "printable"),
        (["-x", "y" * 201], "printable"),
        (["-x", "y"] * 33, "at most 64"),
    ],
)
def test_further_arguments_are_checked(arguments: list[str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FfmpegSettings.model_validate({"extra_arguments": arguments})


def test_further_arguments_may_be_options_of_an_encoder() -> None:
    taken = ("-low_power", "1", "-qmin", "-1")
    assert FfmpegSettings(extra_arguments=taken).extra_arguments == taken
