"""Removing the distribution of any shipped plugin leaves a site that starts and says what is
missing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.site_process import START_TIMEOUT, SiteProcess, make_site

RUN = """
import site, sys
site.addsitedir({folder!r})
from metropole_cli.main import main
sys.argv = ["metropole", *sys.argv[1:]]
main()
"""

PLUGINS = {
    "provider_local": ("metropole_provider_local", "nobody can go live"),
    "ingest_rtmp": ("metropole_ingest_rtmp", "encoders such as OBS cannot connect"),
    "egress_hls": ("metropole_egress_hls", "cannot be played"),
    "chat_mode_slow": ("metropole_chat_mode_slow", "chat mode"),
    "theme_default": ("metropole_theme_default", "theme"),
}


def packages_without(package: str, folder: Path) -> Path:
    """A folder with everything that is installed, but for one distribution."""
    folder.mkdir()
    installed = Path(sysconfig.get_path("purelib"))
    left_out = 0
    for entry in installed.iterdir():
        if package in entry.name:
            left_out += 1
        else:
            (folder / entry.name).symlink_to(entry)
    assert left_out, f"{package} is not installed"
    return folder


@pytest.mark.parametrize("name", sorted(PLUGINS))
async def test_the_site_starts_and_says_what_is_missing(name: str, tmp_path: Path) -> None:
    package, sentence = PLUGINS[name]
    site: SiteProcess = make_site(tmp_path)
    await site.init()
    without = packages_without(package, tmp_path / "packages")
    command = [sys.executable, "-S", "-c", RUN.format(folder=str(without))]
    command += ["--config", str(site.config)]

    listed = await asyncio.to_thread(
        subprocess.run, [*command, "plugins", "--json"], capture_output=True, timeout=60
    )
    assert listed.returncode == 0, listed.stderr.decode()
    records = json.loads(listed.stdout)
    assert {record["name"] for record in records} == set(PLUGINS) - {name}
    assert {record["state"] for record in records} == {"loaded"}

    process = await asyncio.create_subprocess_exec(
        *command, "serve", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while not await site.answers():
                assert process.returncode is None
                await asyncio.sleep(0.05)
            page = await site.get("/")
    finally:
        process.terminate()
        log = (await asyncio.wait_for(process.communicate(), 10))[0].decode()
    assert page.startswith("HTTP/1.1 200"), page
    assert sentence in log
    assert "Traceback" not in log
