"""Accounts and invitations from the command line, and the first run without `init`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from metropole_cli.main import main

from metropole_core.keys import SiteKeys
from tests.support.site_process import METROPOLE, make_site

ADMIN = "boss"
PLUGINS = ["provider_local", "ingest_rtmp", "egress_hls", "chat_mode_slow", "theme_default"]


@pytest.fixture
def site(sqlite_template: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command of a site that has one administrator, in this process, which is quicker."""
    shutil.copy(sqlite_template, tmp_path / "metropole.sqlite3")
    SiteKeys.create(tmp_path / "site.key")
    config = tmp_path / "metropole.toml"
    config.write_text(f'data_dir = "{tmp_path}"\n[plugins]\ndisabled = {json.dumps(PLUGINS)}\n')

    def run(*arguments: str, fails: bool = False) -> Result:
        result = CliRunner().invoke(main, ["--config", str(config), *arguments])
        assert result.exit_code == (1 if fails else 0), result.output
        return result

    run("user", "create", ADMIN, "--admin", "--password", "a password of theirs")
    return run


def listed(site: Any, *arguments: str) -> dict[str, dict[str, object]]:
    return {
        row["name"]: row for row in json.loads(site("user", "list", "--json", *arguments).stdout)
    }


def test_accounts_are_listed_and_decided_about(site: Any) -> None:
    assert "Password: " in site("user", "create", "maria", "--may-not-stream").stdout
    people = listed(site)
    assert people[ADMIN]["is_admin"] is True
    assert people["maria"]["may_stream"] is False
    table = site("user", "list", "mar").stdout
    assert "maria" in table
    assert ADMIN not in table
    for command, field, value in (
        (("grant-streaming",), "may_stream", True),
        (("revoke-streaming",), "may_stream", False),
        (("revoke-streaming", "--default"), "may_stream", None),
        (("block",), "state", "blocked"),
        (("unblock",), "state", "active"),
    ):
        site("user", *command, "Maria")
        assert listed(site)["maria"][field] == value, command
    assert listed(site, "--state", "blocked") == {}
    site("user", "set-password", "maria", "--password", "four other words now")
    link = site("user", "reset-password", "maria").stdout.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/reset-password\?token=[\w-]{40,}", link)


def test_what_cannot_be_done_is_one_sentence(site: Any) -> None:
    for arguments in (
        ("user", "block", "nobody"),
        ("user", "approve", ADMIN),
        ("user", "refuse", "nobody"),
        ("user", "reset-password", "nobody"),
        ("user", "set-password", ADMIN, "--password", "short"),
        ("invite", "revoke", "12345"),
        ("invite", "create", "--uses", "0"),
    ):
        failed = site(*arguments, fails=True)
        assert len(failed.stderr.splitlines()) == 1, failed.stderr
        assert failed.stdout == ""
    assert "only administrator" in site("user", "block", ADMIN, fails=True).stderr


def test_invitations(site: Any) -> None:
    link = site("invite", "create", "--note", "For Anna", "--uses", "3").stdout.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/signup\?code=[\w-]{20,}", link)
    (row,) = json.loads(site("invite", "list", "--json").stdout)
    assert (row["note"], row["uses"], row["max_uses"]) == ("For Anna", 0, 3)
    table = site("invite", "list").stdout
    assert "For Anna" in table
    assert link.partition("code=")[2] not in table
    site("invite", "revoke", str(row["id"]))
    assert json.loads(site("invite", "list", "--json").stdout) == []


async def test_a_first_start_with_the_environment_alone(tmp_path: Path) -> None:
    """As in a container: no configuration file, no `init`."""
    site = make_site(tmp_path)
    environment = {
        **os.environ,
        "METROPOLE_PUBLIC_URL": site.url,
        "METROPOLE_BIND": f"127.0.0.1:{site.port}",
        "METROPOLE_DATA_DIR": str(tmp_path / "data"),
        "METROPOLE_AUTO_UPGRADE": "true",
        "METROPOLE_PLUGIN__PROVIDER_LOCAL__BIND": f"127.0.0.1:{site.media_port}",
        "METROPOLE_PLUGIN__INGEST_RTMP__BIND": f"127.0.0.1:{site.rtmp_port}",
    }
    process = await asyncio.create_subprocess_exec(
        METROPOLE, "serve", cwd=tmp_path, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        printed = ""
        async with asyncio.timeout(30):
            while "/setup?token=" not in printed:
                line = await process.stdout.readline()
                assert line, "it ended"
                printed = line.decode()
        url = printed.strip()
        assert url.startswith(site.url)
        page = await site.get(url.removeprefix(site.url))
        assert page.startswith("HTTP/1.1 200")
        assert "Set up this site" in page
        assert (await site.get("/setup")).startswith("HTTP/1.1 403")
        made = await asyncio.create_subprocess_exec(
            METROPOLE, "user", "create", "maria", "--admin", "--password", "a password of hers",
            cwd=tmp_path, env=environment,
        )  # fmt: skip
        assert await made.wait() == 0
        assert (await site.get("/setup")).startswith("HTTP/1.1 404")
    finally:
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert url.partition("token=")[2] not in errors.decode(), "the token is in no log"
    assert "Traceback" not in errors.decode()
