"""The back-end with real encoders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from metropole_transcoder_software import speed
from metropole_transcoder_software.codecs import make_encoder
from metropole_transcoder_software.plugin import Plugin
from metropole_transcoder_software.settings import Codec, SoftwareSettings
from metropole_transcoder_software.transcoder import SoftwareTranscoder, largest
from pydantic import ValidationError

from metropole_core.contracts.checks import Check, Level
from metropole_core.contracts.transcoder import Transcoder
from metropole_core.errors import Unavailable
from metropole_core.testing import conformance
from metropole_media.ladder import RenditionPlan
from metropole_media.transcode.encoders import VideoEncoder
from metropole_media.transcode.measure import CannotMeasure, Measurement
from tests.support.encoded import encode

SMALL = RenditionPlan("180p", 320, 180, 30.0, 300_000, "avc1.64000d")
SMALLER = RenditionPlan("90p", 160, 90, 15.0, 100_000, "avc1.64000b")
SPEED = Measurement(100e6, 90e6, 300e6, 280e6)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "metropole" / "transcoder_software.json"


def registered(context: Any) -> Transcoder:
    found: list[Transcoder] = []
    Plugin(context).register_transcoder(register=found.append)
    (transcoder,) = found
    return transcoder


async def test_conforms(make_plugin_context: Callable[..., Any], cache: Path) -> None:
    clip = encode(fps=30, seconds=2, gop=30, size=(384, 216), audio=True)
    transcoder = registered(make_plugin_context(SoftwareSettings()))
    capability = await conformance.check_transcoder(
        transcoder, clip.tracks, clip.packets, (SMALL, SMALLER)
    )
    assert capability is not None
    assert capability.encodings[0].fourcc == "avc1"
    assert not capability.hardware
    assert cache.exists()


@pytest.mark.full
@pytest.mark.parametrize(("codec", "fourcc"), [("hevc", "hvc1"), ("av1", "av01")])
async def test_other_codecs_conform(
    codec: Codec, fourcc: str, make_plugin_context: Callable[..., Any]
) -> None:
    clip = encode(fps=30, seconds=2, gop=30, size=(384, 216), audio=False)
    transcoder = registered(make_plugin_context(SoftwareSettings(codec=codec, preset="ultrafast")))
    capability = await conformance.check_transcoder(
        transcoder, clip.tracks, clip.packets, (SMALL, SMALLER)
    )
    assert capability is not None
    assert [encoding.fourcc for encoding in capability.encodings] == [fourcc]


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[VideoEncoder]:
    made: list[VideoEncoder] = []

    async def measure(encoder: VideoEncoder, **_: object) -> Measurement:
        made.append(encoder)
        return SPEED

    monkeypatch.setattr(speed, "measure", measure)
    return made


async def test_a_restart_measures_nothing_anew(
    measurements: list[VideoEncoder], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await SoftwareTranscoder(SoftwareSettings()).probe()
    assert await SoftwareTranscoder(SoftwareSettings()).probe() == first
    assert len(measurements) == 1
    await SoftwareTranscoder(SoftwareSettings(preset="fast")).probe()
    assert len(measurements) == 2
    monkeypatch.setattr(speed, "_processor", lambda: "another one")
    await SoftwareTranscoder(SoftwareSettings()).probe()
    assert len(measurements) == 3
    entries = json.loads(cache.read_text())
    for entry in entries.values():
        entry["at"] -= speed.KEPT_SECONDS
    cache.write_text(json.dumps(entries))
    await SoftwareTranscoder(SoftwareSettings()).probe()
    assert len(measurements) == 4


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"at": 0, "speed": []}}', "{" * 99])
async def test_a_damaged_file_is_measured_over(
    text: str, measurements: list[VideoEncoder], cache: Path
) -> None:
    cache.parent.mkdir()
    cache.write_text(text)
    await SoftwareTranscoder(SoftwareSettings()).probe()
    assert len(measurements) == 1
    assert len(json.loads(cache.read_text())) == 1


async def test_measures_each_time_where_nothing_can_be_kept(
    measurements: list[VideoEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", "/proc/nowhere")
    await SoftwareTranscoder(SoftwareSettings()).probe()
    await SoftwareTranscoder(SoftwareSettings()).probe()
    assert len(measurements) == 2


async def test_doctor_tells(
    make_plugin_context: Callable[..., Any],
    measurements: list[VideoEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks: list[Check] = []
    Plugin(make_plugin_context(SoftwareSettings())).register_checks(register=checks.append)
    (finding,) = await checks[0].run()
    assert finding.level is Level.OK
    assert "renditions of 720p30" in finding.sentence

    async def fail(encoder: VideoEncoder, **_: object) -> Measurement:
        raise CannotMeasure("No libx264.")

    monkeypatch.setattr(speed, "measure", fail)
    monkeypatch.setattr(speed, "_read", lambda path: {})
    (finding,) = await checks[0].run()
    assert finding.level is Level.ERROR
    assert "No libx264." in finding.sentence
    assert finding.advice
    with pytest.raises(Unavailable, match="No libx264"):
        await SoftwareTranscoder(SoftwareSettings()).probe()


def test_largest() -> None:
    assert largest(100e6) == (1920, 1080, pytest.approx(48.2, abs=0.1))
    assert largest(1e9) == (7680, 4320, pytest.approx(30.1, abs=0.1))
    assert largest(1e6)[:2] == (640, 360)


def test_profile_and_level_are_as_planned() -> None:
    options = dict(make_encoder("h264", "ultrafast", 1, "avc1.64001f").options)
    assert (options["profile"], options["level"]) == ("high", "3.1")
    assert "8x8dct=1" in options["x264-params"]


def test_every_setting_has_words() -> None:
    for field in SoftwareSettings.model_fields.values():
        assert field.title
        assert field.description
    with pytest.raises(ValidationError):
        SoftwareSettings(cores=-1)
    assert SoftwareSettings(cores=1).usable_cores == 1
