"""`metropole db`: bring the database up to date."""

from __future__ import annotations

from pathlib import Path

import click

from metropole_cli.output import step
from metropole_cli.site_config import read_config


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(config_path: Path | None) -> None:
    """Bring the database up to date. Safe to run again, and from several machines at once."""
    from metropole_core.db import migrate

    config = read_config(config_path)
    before = migrate.current(config.database)
    head = migrate.head()
    if before == head:
        click.echo(f"The database is up to date ({head}).")
        return
    with step(f"upgrading the database from {before or 'empty'} to {head}"):
        migrate.upgrade(config.database)
