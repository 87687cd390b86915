"""The settings of further qualities."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from metropole_core.config import load_config
from metropole_core.config.presets import PRESETS, USUAL, read
from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.ladder import Preset
from metropole_core.errors import ConfigError
from metropole_media import rungs


def load(path: Path, text: str, **env: str) -> TranscodingConfig:
    file = path / "metropole.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, env).transcoding


def test_names_and_tables(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        '[transcoding]\npresets = ["720p", {name = "540p", height = "540p", frame_rate = 30, '
        'bitrate = "1.8M"}, "audio"]',
    )
    assert read(config.presets) == (
        PRESETS["720p"],
        Preset("540p", 540, 30.0, 1_800_000),
        PRESETS["audio"],
    )


def test_by_the_environment(tmp_path: Path) -> None:
    commas = load(tmp_path, "", METROPOLE_TRANSCODING__PRESETS="480p, audio")
    json = load(
        tmp_path,
        "",
        METROPOLE_TRANSCODING__PRESETS='["480p", {"name": "a", "height": 540, "bitrate": "1M"}]',
    )
    assert commas.presets == ["480p", "audio"]
    assert read(json.presets)[1] == Preset("a", 540, 60.0, 1_000_000)
    assert not load(tmp_path, "", METROPOLE_TRANSCODING__ENABLED="false").enabled


@pytest.mark.parametrize(
    ("presets", "said"),
    [
        ('["700p"]', 'no preset "700p"; there are 4320p, '),
        ('["720p", "720p"]', "each name may stand there once"),
        ('[{name = "x", height = 540}]', "needs `bitrate`"),
        ('[{name = "x", height = 540, bitrate = "1M", crf = 2}]', "no `crf`"),
        ('[{name = "x", height = "high", bitrate = "1M"}]', "preset x: must be pixels"),
        ('[{name = "x", height = 9999, bitrate = "1M"}]', "from 64 to 4320"),
        ('[{name = "x", height = 540, bitrate = 3}]', 'from "50k" to "200M"'),
        ('[{name = "x", height = 540, bitrate = "1M", frame_rate = 0}]', "from 1 to 240"),
        ('[{name = "X y", height = 540, bitrate = "1M"}]', "of a-z and 0-9"),
        ('[{name = "source", height = 540, bitrate = "1M"}]', 'not "source"'),
    ],
)
def test_what_is_refused(tmp_path: Path, presets: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[transcoding]\npresets = {presets}")
    assert said in caught.value.sentence
    assert "transcoding.presets" in caught.value.sentence


def test_players_do_not_fall_from_one_rung_to_the_next() -> None:
    rates = []
    for name in USUAL:
        preset = PRESETS[name]
        if preset.height:
            wide = round(preset.height * 16 / 9)
            rates.append(rungs.bitrate(preset.bitrate, wide, preset.height, preset.frame_rate))
    assert all(above / below <= 2.55 for above, below in pairwise(rates))
    assert rates == sorted(rates, reverse=True)
