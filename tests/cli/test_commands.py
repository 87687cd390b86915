"""The command as an operator types it, in processes of its own."""

from __future__ import annotations

import json
import logging
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from metropole_cli.serve import OneLine

from metropole_core.db import migrate
from tests.support.site_process import ADMIN, ADMIN_PASSWORD, METROPOLE, SiteProcess


def run(*arguments: str, site: SiteProcess | None = None) -> subprocess.CompletedProcess[str]:
    config = ("--config", str(site.config)) if site else ()
    return subprocess.run(
        [METROPOLE, *config, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


async def test_init_makes_a_site_that_only_its_owner_can_read(made: SiteProcess) -> None:
    for path in (made.config, made.folder / "data" / "site.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert migrate.current(made.database) == migrate.head()


async def test_what_people_entrust_to_the_site_is_for_nobody_else(made: SiteProcess) -> None:
    assert stat.S_IMODE((made.folder / "data").stat().st_mode) == 0o700


def test_init_names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for options in (
        ("--config", str(tmp_path / "file" / "x.toml"), "init"),
        ("--config", str(tmp_path / "x.toml"), "init", "--data-dir", str(tmp_path / "file" / "d")),
    ):
        made = subprocess.run(
            [METROPOLE, *options, "--yes", "--admin-password", ADMIN_PASSWORD],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert made.returncode == 1
        assert len(made.stderr.splitlines()) == 1, made.stderr
        assert f"{tmp_path}/file" in made.stderr
    assert not (tmp_path / "x.toml").exists()


async def test_init_does_not_write_over_a_site(made: SiteProcess) -> None:
    before = made.config.read_text()
    again = run("init", "--yes", site=made)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert made.config.read_text() == before


async def test_upgrade_can_be_run_again(made: SiteProcess) -> None:
    assert "up to date" in await made.run("db", "upgrade")


async def test_accounts_from_the_command_line(made: SiteProcess) -> None:
    printed = await made.run("user", "create", "maria")
    assert "Password: " in printed
    twice = run("user", "create", "Maria", site=made)
    assert twice.returncode == 1
    assert "Traceback" not in twice.stderr
    assert len(twice.stderr.splitlines()) == 1


async def test_plugins_are_listed_for_people_and_programs(made: SiteProcess) -> None:
    listed = json.loads(await made.run("plugins", "--json"))
    assert {record["name"]: record["state"] for record in listed} == {
        "chat_mode_slow": "loaded",
        "egress_hls": "loaded",
        "egress_thumbnails": "loaded",
        "ingest_rtmp": "loaded",
        "provider_local": "loaded",
        "theme_default": "loaded",
        "transcoder_ffmpeg": "loaded",
        "transcoder_nvenc": "loaded",
        "transcoder_software": "loaded",
    }
    table = await made.run("plugins")
    assert all(record["name"] in table for record in listed)


async def test_a_disabled_plugin_says_so(made: SiteProcess) -> None:
    with made.config.open("a") as file:
        file.write('\n[plugins]\ndisabled = ["chat_mode_slow"]\n')
    listed = json.loads(await made.run("plugins", "--json"))
    assert next(r for r in listed if r["name"] == "chat_mode_slow")["state"] == "disabled"


async def test_serve_names_a_port_that_is_taken(made: SiteProcess) -> None:
    with socket.create_server(("127.0.0.1", made.port)):
        served = run("serve", site=made)
    assert served.returncode == 1
    assert str(made.port) in served.stderr
    assert len(served.stderr.splitlines()) == 1
    assert served.stdout == "", "it does not run"


@pytest.mark.parametrize(
    ("text", "word"),
    [("nmae = 'x'\n", "nmae"), ("name = \n", "metropole.toml"), ("bind = 5\n", "bind")],
)
async def test_a_wrong_configuration_is_named(made: SiteProcess, text: str, word: str) -> None:
    made.config.write_text(text)
    listed = run("plugins", site=made)
    assert listed.returncode == 1
    assert word in listed.stderr
    assert "Traceback" not in listed.stderr


async def test_a_running_site_ends_at_once_and_cleanly(made: SiteProcess) -> None:
    await made.start()
    assert await made.stop() == 0
    assert ADMIN not in "".join(made.log)
    assert "Traceback" not in "".join(made.log)


def test_a_line_of_the_log_is_one_line() -> None:
    path = "/x\n2026-01-01 INFO metropole: all is well\r\x1b[2J\u2028"
    record = logging.makeLogRecord({"name": "metropole.pages", "msg": "%s failed", "args": (path,)})
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        record.exc_info = sys.exc_info()
    line, *traceback = OneLine("%(name)s: %(message)s").format(record).splitlines()
    assert line.startswith("metropole.pages: /x\\n2026-01-01 INFO")
    assert line.endswith("\\r\\x1b[2J\\u2028 failed")
    assert traceback[0] == "Traceback (most recent call last):"
