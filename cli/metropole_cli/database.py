"""`metropole db`: look at the database, and bring it up to date."""

from __future__ import annotations

from pathlib import Path

import click

from metropole_cli.output import json_option, print_json, step
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


@db.command()
@json_option
@click.pass_obj
def status(config_path: Path | None, as_json: bool) -> None:
    """Say which database it is, and whether it is up to date; exit code 1 when it is not."""
    from metropole_cli.secrecy import redact_url
    from metropole_core.db import migrate
    from metropole_core.db.server import look

    config = read_config(config_path)
    current, head = migrate.current(config.database), migrate.head()
    facts = look(config.database) if current is not None else None
    found = {
        "database": redact_url(config.database),
        "server": facts.kind if facts else None,
        "version": ".".join(map(str, facts.version)) if facts else None,
        "revision": current,
        "wanted": head,
        "up_to_date": current == head,
    }
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found['database']}")
        if facts is not None:
            click.echo(f"{found['server']} {found['version']}")
        click.echo(
            f"up to date ({head})"
            if current == head
            else f"at {current or 'nothing'}, this release needs {head}: metropole db upgrade"
        )
    if current != head:
        raise SystemExit(1)
