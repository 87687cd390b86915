"""What is said when it does not work: each sentence says what to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from metropole_transcoder_ffmpeg import program
from metropole_transcoder_ffmpeg.complaints import sentence
from metropole_transcoder_ffmpeg.plugin import Plugin
from metropole_transcoder_ffmpeg.probe import Trial
from metropole_transcoder_ffmpeg.program import CannotUse, check_device, check_version, listed, run
from metropole_transcoder_ffmpeg.settings import FfmpegSettings
from metropole_transcoder_ffmpeg.transcoder import FfmpegTranscoder

from metropole_core.contracts.transcoder import Transcoder
from metropole_core.errors import Unavailable
from metropole_core.testing import make_context

SMALL = Trial(320, 180, 30.0, 8)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[fatal] Unknown encoder 'h264_vaapi'", "no encoder h264_vaapi"),
        ("[error] No such filter: 'scale_qsv'", "no filter scale_qsv"),
        (
            "[AVHWDeviceContext @ 0x5] [error] No VA display found for device /dev/dri/renderD128.",
            "cannot be opened",
        ),
        (
            (
                "[AVHWDeviceContext @ 0x5] [error] Failed to initialise VAAPI connection: -1"
                " (unknown libva error)."
            ),
            "apt-get install intel-media-va-driver",
        ),
        (
            (
                "[error] Failed to set value 'vaapi=gpu:/dev/dri/renderD129' for option"
                " 'init_hw_device': Generic error in an external library"
            ),
            "No VAAPI driver",
        ),
        (
            (
                "[error] Failed to set value 'qsv=gpu:hw_any,child_device=/dev/dri/renderD128' for"
                " option 'init_hw_device': Input/output error"
            ),
            "No Quick Sync runtime",
        ),
        ("[AVHWDeviceContext @ 0x5] [error] Error creating a MFX session: -9.", "libmfx"),
        (
            "[h264_qsv @ 0x5] [error] Error initializing an internal MFX session: unsupported (-3)",
            "libmfx",
        ),
        (
            (
                "[h264_vaapi @ 0x5] [error] No usable encoding entrypoint found for profile"
                " VAProfileH264High (7)."
            ),
            "-low_power",
        ),
        (
            (
                "[hevc_vaapi @ 0x5] [error] Hardware does not support encoding at size 7680x4320"
                " (constraints: width 128-4096 height 128-4096)."
            ),
            "pictures of that size",
        ),
        (
            (
                "[h264_vaapi @ 0x5] [error] Driver does not support any RC mode compatible with"
                " selected options"
            ),
            "cannot keep a bitrate",
        ),
        (
            (
                "[graph 0] [error] Impossible to convert between the formats supported by the"
                " filter 'graph 0 input' and the filter 'auto_scale_0'"
            ),
            "cannot take this source",
        ),
        ("[error] x264 [error]: malloc of size 4665632 failed", "memory_mb"),
        ("[fatal] Unrecognized option 'fps_mode'.", "too old"),
        ("[error] Option async_depth not found.", "option async_depth"),
        ("[fatal] something new", "ffmpeg says: something new"),
        ("", ""),
    ],
)
def test_complaints(line: str, words: str) -> None:
    before = ["[warning] nothing to worry about", "[AVIOContext @ 0x1] [warning] nor this"]
    after = ["[fatal] Error parsing global options: Generic error in an external library"]
    assert words in sentence([*before, line, *after])


def test_nothing_is_said_of_nothing() -> None:
    assert sentence([]) == ""
    assert len(sentence(["[error] " + "x" * 5000])) < 400


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright", "5.1.9-0+deb12u1"),
        ("ffmpeg version n7.1 Copyright", "n7.1"),
        ("ffmpeg version N-118193-g5f38c82536 Copyright", "N-118193-g5f38c82536"),
    ],
)
def test_versions_that_are_taken(output: str, version: str) -> None:
    assert check_version(output) == version


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", "4.4 is too old: 5.1"),
        ("ffmpeg version n5.0.3 Copyright", "too old"),
        ("cat (GNU coreutils) 9.1", "no ffmpeg"),
        ("", "no ffmpeg"),
    ],
)
def test_versions_that_are_refused(output: str, words: str) -> None:
    with pytest.raises(CannotUse, match=words):
        check_version(output)


def test_the_list_of_decoders() -> None:
    output = " V..... = Video\n ------\n VFS..D h264    H.264\n V..... libdav1d   dav1d\n"
    assert {"h264", "libdav1d"} <= listed(output)


def test_a_device_of_another_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "renderD128"
    device.touch()
    # The tests may run as root, who may open all.
    monkeypatch.setattr(program.os, "access", lambda path, mode: False)
    group = device.stat().st_gid
    with pytest.raises(CannotUse, match=rf"usermod -aG .* --group-add {group}"):
        check_device(str(device))
    with pytest.raises(CannotUse, match=rf"does not exist.*--device {tmp_path}"):
        check_device(str(tmp_path / "renderD129"))


async def test_a_program_that_hangs_or_writes_without_end_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(CannotUse, match="did not finish"):
        await run(["sleep", "60"], limit=0.2)
    with pytest.raises(CannotUse, match="without end"):
        await run(["yes"], limit=10)
    assert time.monotonic() - began < 10
    ran = await run(["sh", "-c", "cat >/dev/null; echo no >&2; exit 3"], b"x" * 200_000, limit=5)
    assert (ran.code, ran.lines) == (3, ("no",))
    assert (await run(["true"], b"x" * 200_000, limit=5)).code == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"program": "ffmpeg-of-nowhere"}, "ffmpeg-of-nowhere is not installed: apt-get install"),
        ({"program": "/nowhere/ffmpeg"}, "/nowhere/ffmpeg does not exist"),
        ({"program": "cat"}, "no ffmpeg"),
        ({"device": "/dev/dri/renderD255"}, "/dev/dri/renderD255 does not exist"),
        ({"backend": "qsv", "device": "/dev/dri/renderD255"}, "no graphics card"),
        ({"backend": "vaapi", "device": "/dev/null"}, "No VAAPI driver works"),
        ({"backend": "qsv", "device": "/dev/null"}, "No Quick Sync runtime works"),
        (
            {"backend": "software", "extra_arguments": ("-nonsense", "1")},
            "does not know the option nonsense",
        ),
    ],
)
async def test_a_machine_on_which_it_does_not_work(settings: dict[str, str], words: str) -> None:
    transcoder = FfmpegTranscoder(FfmpegSettings.model_validate(settings), SMALL)
    with pytest.raises(Unavailable) as caught:
        await transcoder.probe()
    assert words in caught.value.sentence


async def test_auto_says_a_common_reason_once() -> None:
    transcoder = FfmpegTranscoder(FfmpegSettings(device="/dev/dri/renderD255"), SMALL)
    with pytest.raises(Unavailable) as caught:
        await transcoder.probe()
    assert caught.value.sentence.count("does not exist") == 1


def test_the_plugin_registers_it() -> None:
    registered: list[Transcoder] = []
    Plugin(make_context(FfmpegSettings())).register_transcoder(register=registered.append)
    assert [each.name for each in registered] == ["ffmpeg"]
