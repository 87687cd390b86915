"""`metropole channel limits`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from metropole_cli.main import main

from metropole_core.config import load_config
from metropole_core.keys import SiteKeys
from metropole_core.site import Site


@pytest.fixture
def config(tmp_path: Path, db_url: str) -> Path:
    """A site with a channel called lab."""
    file = tmp_path / "metropole.toml"
    file.write_text(
        f'database = "{db_url}"\ndata_dir = "{tmp_path}"\n'
        '[limits]\nbitrate = "6M"\nduration = "4h"\n'
    )
    SiteKeys.create(tmp_path / "site.key")

    async def make() -> None:
        async with Site.offline(load_config(file, {})) as site:
            await site.accounts.create(name="lab", password="a long password", email=None)

    asyncio.run(make())
    return file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "channel", "limits", *arguments])


def test_they_are_set_and_shown(config: Path) -> None:
    shown = run(config, "lab")
    assert shown.exit_code == 0, shown.output
    assert [line.split() for line in shown.output.splitlines()[1:]] == [
        ["bitrate", "site", "6", "Mbit/s"],
        ["height", "site", "none"],
        ["duration", "site", "4", "hours"],
        ["storage", "site", "none"],
    ]
    done = run(config, "LAB", "--bitrate", "20M", "--duration", "none", "--storage", "1GiB")
    assert done.exit_code == 0, done.output
    found = json.loads(run(config, "lab", "--height", "1080p", "--json").output)
    assert found["own"] == {
        "bitrate": 20_000_000,
        "height": 1080,
        "duration": 0,
        "storage": 1 << 30,
    }
    assert found["holding"] == found["own"]
    found = json.loads(run(config, "lab", "--bitrate", "site", "--json").output)
    assert found["own"]["bitrate"] is None
    assert found["holding"]["bitrate"] == 6_000_000
    assert found["own"]["height"] == 1080


def test_mistakes_are_told(config: Path) -> None:
    wrong = run(config, "lab", "--bitrate", "fast")
    assert wrong.exit_code == 2
    assert 'must be bit/s, such as 6000000 or "6M", or "none", or "site"' in wrong.output
    missing = run(config, "nobody")
    assert missing.exit_code == 1
    assert "There is no channel named nobody." in missing.output
