"""Every command that tells something tells it to programs, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from metropole_cli.main import main

from tests.support.site_process import ADMIN, SiteProcess, run_command

TELLS = {"list", "show", "status", "check", "path", "version", "plugins", "doctor"}
"""Names of commands that look and change nothing."""
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "doctor": ("--channel", ADMIN),  # the whole has tests of its own
    "channel limits": (ADMIN,),
    "channel list": (),
}
MAY_FAIL = {"doctor"}
"""With that site and those arguments it ends with an exit code, and prints JSON all the same."""


def commands(group: click.Group = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def has_json(command: click.Command) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


WITH_JSON = [path for path, command in commands() if has_json(command)]


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_what_tells_something_has_json(path: str, command: click.Command) -> None:
    if path.split()[-1] in TELLS:
        assert has_json(command), f"metropole {path} needs `@json_option` (output.py)"


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_everything_says_what_it_is(path: str, command: click.Command) -> None:
    assert command.help, path
    assert command.short_help or command.get_short_help_str(), path
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts}"


async def test_what_is_printed_is_one_json_document(site: SiteProcess) -> None:
    failed: dict[str, Any] = {}
    for path in WITH_JSON:
        command = dict(commands())[path]
        needs = [p for p in command.params if isinstance(p, click.Argument) and p.required]
        if needs and path not in ARGUMENTS:
            continue
        done = run_command(*path.split(), *ARGUMENTS.get(path, ()), "--json", site=site)
        try:
            json.loads(done.stdout)
        except ValueError:
            failed[path] = done.stdout + done.stderr
        if done.returncode and path not in MAY_FAIL:
            failed[path] = done.stdout + done.stderr
    assert not failed


async def test_config_show_says_where_each_setting_came_from(site: SiteProcess) -> None:
    with site.config.open("a") as file:
        file.write("\n[limits]\nstreams = 3\n")
    done = run_command("config", "show", "--json", site=site, METROPOLE_MAX_CONNECTIONS="99")
    assert done.returncode == 0, done.stderr
    rows = {row["setting"]: row for row in json.loads(done.stdout)}
    assert rows["limits.streams"]["value"] == 3
    assert rows["limits.streams"]["place"].startswith(f"{site.config.resolve()}:")
    assert rows["max_connections"] == {
        "setting": "max_connections", "value": 99, "origin": "environment",
        "place": "METROPOLE_MAX_CONNECTIONS",
    }  # fmt: skip
    assert rows["auto_upgrade"]["origin"] == "default"
    assert rows["plugin.ingest_rtmp.bind"]["value"] == f"127.0.0.1:{site.rtmp_port}"
    assert rows["plugin.egress_hls.part_ms"]["origin"] == "default"


async def test_config_show_names_what_the_database_holds(site: SiteProcess) -> None:
    from metropole_core.config import load_config
    from metropole_core.site import Site

    async with Site.offline(load_config(site.config, {})) as offline:
        await offline.settings.set("egress_hls", "part_ms", 300)
    shown = run_command("config", "show", "egress_hls", site=site)
    assert ["plugin.egress_hls.part_ms", "300", "database"] in [
        line.split() for line in shown.stdout.splitlines()
    ]


def test_config_show_keeps_passwords(tmp_path: Any) -> None:
    database = "mysql://a:very-secret@127.0.0.1:1/x"
    shown = run_command("config", "show", METROPOLE_DATABASE=database)
    assert shown.returncode == 0, shown.stderr
    assert "very-secret" not in shown.stdout + shown.stderr
    assert "mysql://a:********@127.0.0.1:1/x" in shown.stdout
    assert "could not be read" in shown.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ""),
        ("[plugin.ingest_rtmp]\nbindd = 1\n", "Did you mean `bind`?"),
        ("[plugins]\ndisabled = ['chat_mode_slo']\n", "Did you mean chat_mode_slow?"),
        ("nmae = 'x'\n", "nmae"),
        ("certificate = 'x.pem'\n", "certificate_key"),
    ],
)
def test_config_check(tmp_path: Any, text: str, sentence: str) -> None:
    path = tmp_path / "metropole.toml"
    path.write_text(text)
    done = run_command("--config", str(path), "config", "check")
    assert done.returncode == (1 if sentence else 0)
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_config_path(tmp_path: Any) -> None:
    path = tmp_path / "x.toml"
    path.write_text("")
    assert run_command("--config", str(path), "config", "path").stdout == f"{path}\n"


async def test_db_status(site: SiteProcess) -> None:
    assert "up to date" in run_command("db", "status", site=site).stdout
    other = f"sqlite:///{site.folder}/none.sqlite3"
    empty = run_command("db", "status", "--json", site=site, METROPOLE_DATABASE=other)
    assert empty.returncode == 1
    assert json.loads(empty.stdout)["up_to_date"] is False
    assert not (site.folder / "none.sqlite3").exists(), "looking makes nothing"
