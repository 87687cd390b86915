"""`metropole plugins`: what is installed, and in which state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from metropole_cli.output import json_option, print_json, table
from metropole_cli.site_config import read_config


@click.command()
@json_option
@click.pass_obj
def plugins(config_path: Path | None, as_json: bool) -> None:
    """List the plugins: name, kind, version, state, reason."""
    from metropole_core.plugins import PluginRecord
    from metropole_core.site import Site

    config = read_config(config_path)

    async def look() -> list[PluginRecord]:
        async with Site.offline(config) as site:
            return site.plugins.records()

    records = asyncio.run(look())
    if as_json:
        print_json(records)
        return
    table(
        ("NAME", "KIND", "VERSION", "STATE", "REASON"),
        [
            (record.name, record.kind, record.version, record.state.value, record.reason or "")
            for record in records
        ],
    )
