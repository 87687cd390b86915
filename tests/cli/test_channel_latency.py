"""`metropole channel latency`."""

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
    """A site with a channel called lab, whose usual latency is normal."""
    file = tmp_path / "metropole.toml"
    file.write_text(f'database = "{db_url}"\ndata_dir = "{tmp_path}"\nlatency = "normal"\n')
    SiteKeys.create(tmp_path / "site.key")

    async def make() -> None:
        async with Site.offline(load_config(file, {})) as site:
            await site.accounts.create(name="lab", password="a long password", email=None)

    asyncio.run(make())
    return file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "channel", "latency", *arguments])


def test_it_is_shown_and_chosen(config: Path) -> None:
    assert run(config, "lab").output.splitlines()[1].split() == ["site", "normal"]
    done = run(config, "LAB", "ultra-low")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].split() == ["ultra-low", "ultra-low"]
    found = json.loads(run(config, "lab", "--json").output)
    assert found == {"channel": "lab", "own": "ultra_low", "holding": "ultra_low"}
    assert run(config, "lab", "site").output.splitlines()[1].split() == ["site", "normal"]


def test_mistakes_are_told(config: Path) -> None:
    assert run(config, "lab", "lowest").exit_code == 2
    missing = run(config, "nobody")
    assert missing.exit_code == 1
    assert "There is no channel named nobody." in missing.output
