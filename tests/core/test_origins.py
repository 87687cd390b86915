"""Where a setting came from: default, file with its line, or environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from metropole_core.config import Origin, Place, SiteConfig, load_config, settings_of, variable
from metropole_core.config.origin import line_numbers

TEXT = """\
# name = "not this one"
name = "A"  # this one
description = \"\"\"
bind = 'no'
[limits]
\"\"\"
trusted_proxies = [
  "10.0.0.0/8",  # bind = "no"
]
plugins.disabled = ["theme_x"]

[limits]
streams = 3
[ plugin . "ingest_rtmp" ]
bind = "127.0.0.1:1"
'max_connections' = 4
"""


def test_lines_of_a_file() -> None:
    assert line_numbers(TEXT) == {
        "name": 2,
        "description": 3,
        "trusted_proxies": 7,
        "plugins.disabled": 10,
        "limits.streams": 13,
        "plugin.ingest_rtmp.bind": 15,
        "plugin.ingest_rtmp.max_connections": 16,
    }


def test_what_wins_is_what_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metropole.toml"
    path.write_text(TEXT.replace('description = """\nbind = \'no\'\n[limits]\n"""\n', ""))
    environment = {
        "METROPOLE_LIMITS__STREAMS": "7",
        "METROPOLE_PLUGIN__INGEST_RTMP__BIND": "127.0.0.1:2",
    }
    config = load_config(path, environment)
    assert config.place("name") == Place(Origin.FILE, f"{path}:2")
    assert config.place("plugins.disabled").place == f"{path}:6"
    assert config.place("limits.streams") == Place(Origin.ENVIRONMENT, "METROPOLE_LIMITS__STREAMS")
    assert config.place("plugin.ingest_rtmp.bind").origin is Origin.ENVIRONMENT
    assert config.place("plugin.ingest_rtmp.max_connections").place == f"{path}:12"
    assert config.place("bind") == Place(Origin.DEFAULT)
    assert config.limits.streams == 7


def test_every_setting_can_be_given_by_its_variable() -> None:
    names = settings_of(SiteConfig)
    assert {"name", "plugins.enabled", "limits.streams"} <= set(names)
    for setting in names:
        if setting != "plugin":
            assert variable(setting).lower().removeprefix("metropole_").split("__") == (
                setting.split(".")
            )


@given(st.text(st.sampled_from("ab_\"'.=[]# \n"), max_size=60))
def test_any_text_has_lines(text: str) -> None:
    found = line_numbers(text)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for name, value in table.items():
        if not isinstance(value, dict) and name.isidentifier():
            assert name in found


def test_without_a_file_all_is_default() -> None:
    config = load_config(None, {})
    assert all(config.place(name).origin is Origin.DEFAULT for name in settings_of(SiteConfig))
