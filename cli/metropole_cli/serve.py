"""`metropole serve`: run the site."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from metropole_cli.site_config import read_config


def set_up_logging(verbose: bool) -> None:
    """One line an event on standard error; the libraries below us only speak up from warnings."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    logging.getLogger("metropole").setLevel(logging.DEBUG if verbose else logging.INFO)


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.pass_obj
def serve(config_path: Path | None, verbose: bool) -> None:
    """Run the site until Ctrl-C."""
    from metropole_core.server import serve as run

    set_up_logging(verbose)
    config = read_config(config_path)
    click.echo(f"{config.name} runs at {config.public_url} (Ctrl-C ends it)")
    asyncio.run(run(config))
