"""`metropole config`: which settings hold, where each came from, and whether they can be used."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from metropole_cli.completion import complete_plugins
from metropole_cli.output import fail, json_option, print_json, table
from metropole_cli.site_config import config_file, read_config


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@json_option
@click.pass_obj
def path(config_path: Path | None, as_json: bool) -> None:
    """Print which configuration file is read; exit code 1 when there is none."""
    found = config_file(config_path)
    if as_json:
        print_json({"path": found.resolve() if found is not None else None})
    elif found is not None:
        click.echo(found.resolve())
    if found is None:
        if as_json:
            raise SystemExit(1)
        fail("no configuration file is read: defaults and environment alone hold")


@config.command()
@click.argument("name", required=False, shell_complete=complete_plugins)
@json_option
@click.pass_obj
def show(config_path: Path | None, name: str | None, as_json: bool) -> None:
    """Show every setting of site and plugins, and where it came from.

    NAME: a setting, a table such as `limits`, or a plugin; without it everything. What wins:
    defaults, then the database (admin page), then the file, then the environment. Secrets are
    hidden.
    """
    from metropole_cli.settings_report import plugin_settings, read_stored, site_settings

    site = read_config(config_path)
    stored, complaint = asyncio.run(read_stored(site))
    plugins, problems = plugin_settings(site, stored)
    rows = [
        row
        for row in [*site_settings(site), *plugins]
        if name is None or f".{name}." in f".{row.setting}."
    ]
    if name is not None and not rows:
        fail(f"there is no setting and no plugin {name}")
    if as_json:
        print_json(rows)
    else:
        table(
            ("SETTING", "VALUE", "FROM"),
            [(row.setting, _shown(row.value), row.place or row.origin.value) for row in rows],
        )
    for sentence in [*([complaint] if complaint else []), *problems]:
        click.echo(f"metropole: {sentence}", err=True)


def _shown(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


@config.command()
@json_option
@click.pass_obj
def check(config_path: Path | None, as_json: bool) -> None:
    """Read file and environment as a start would; exit code 1 when something cannot be used.

    Opens no port and asks no server, so it also serves before a restart. `metropole doctor` looks
    further.
    """
    from metropole_cli.settings_report import plugin_settings
    from metropole_core.errors import ConfigError
    from metropole_core.tls import certificate_of

    site = read_config(config_path)
    _rows, problems = plugin_settings(site, {})
    try:
        certificate_of(site)
    except ConfigError as error:
        problems.append(error.sentence)
    if as_json:
        print_json({"usable": not problems, "problems": problems})
    else:
        for sentence in problems:
            click.echo(sentence)
        if not problems:
            click.echo("The settings can be used.")
    if problems:
        raise SystemExit(1)
