"""What the doctor says of smaller qualities."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from metropole_cli.checks import transcoding

from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.checks import Check, Finding, Level
from metropole_core.contracts.transcoder import Capability
from metropole_core.keys import SiteKeys
from metropole_core.site import Site
from metropole_core.testing import FakeTranscoder
from tests.cli.doctor.test_looks import config


def site(folder: Path, **settings: object) -> Site:
    made = config(data_dir=folder, key_file=folder / "key", transcoding=settings)
    SiteKeys.create(made.key_file)
    return Site(made)


async def test_what_works_and_what_does_not(tmp_path: Path) -> None:
    here = site(tmp_path)
    here.registry.add("transcoder_a", "register_transcoder", FakeTranscoder("a"))
    here.registry.add(
        "transcoder_b", "register_transcoder", FakeTranscoder("b", "There is no card.")
    )
    checked = FakeTranscoder("c")
    here.registry.add("transcoder_c", "register_transcoder", checked)
    here.registry.add("transcoder_c", "register_checks", Check("own", _nothing))
    found = {each.code: each for each in await transcoding.look(here)}
    assert found["transcoder_a"].sentence == "as fast as a test wants it"
    assert found["transcoder_b_unused"].sentence == "is not used: There is no card."
    assert {each.level for each in found.values()} == {Level.OK}
    assert checked.probes == 0, "its own check says it"


async def _nothing() -> list[Finding]:
    return []


async def test_none_and_switched_off(tmp_path: Path) -> None:
    (tmp_path / "off").mkdir()
    (absent,) = await transcoding.look(site(tmp_path))
    assert "no transcoder is installed" in absent.sentence
    (off,) = await transcoding.look(site(tmp_path / "off", enabled=False))
    assert off.code == "transcoding_off"


def test_names_that_are_not_there() -> None:
    settings = TranscodingConfig(transcoder="gpu", ladder="mine")
    found = transcoding.names(settings, ["software"], ["nvenc"])
    assert [each.code for each in found] == ["transcoder_unknown", "ladder_unknown"]
    assert "one of: software;" in found[0].advice
    assert "one of: nvenc, standard;" in found[1].advice
    fine = TranscodingConfig(transcoder="software", ladder="standard")
    assert transcoding.names(fine, ["software"], []) == []


async def test_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(FakeTranscoder):
        async def probe(self) -> Capability:
            await asyncio.sleep(30)
            return await super().probe()

    monkeypatch.setattr(transcoding, "BUDGET", 0.52)
    found = await transcoding.tried(Hangs())
    assert (found.level, found.code) == (Level.WARNING, "transcoder_fake_late")
