"""`metropole plugins`: what is installed, and in which state."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from metropole_cli.output import table
from metropole_cli.site_config import read_config


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
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
        click.echo(json.dumps([asdict(record) for record in records], indent=2, default=str))
        return
    table(
        ("NAME", "KIND", "VERSION", "STATE", "REASON"),
        [
            (record.name, record.kind, record.version, record.state.value, record.reason or "")
            for record in records
        ],
    )
