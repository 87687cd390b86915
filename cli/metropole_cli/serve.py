"""`metropole serve`: run the site."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metropole_cli.site_config import read_config

if TYPE_CHECKING:
    from metropole_core.site import Site


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """One line an event, then its traceback: what people send, such as a path with a line break
    in it, must not look like a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], super().formatMessage(record))


def set_up_logging(verbose: bool) -> None:
    """One line an event on standard error; the libraries below us only speak up from warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("metropole").setLevel(logging.DEBUG if verbose else logging.INFO)


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.pass_obj
def serve(config_path: Path | None, verbose: bool) -> None:
    """Run the site until Ctrl-C."""
    # What a start makes stays. Looking through it for garbage takes a tenth of the time until the
    # first page, and a twentieth of a second now and then when streams are on air.
    gc.disable()
    from metropole_core.first_start import make_key_file
    from metropole_core.server import serve as run

    set_up_logging(verbose)
    config = read_config(config_path)
    make_key_file(config)

    async def ready(site: Site) -> None:
        gc.freeze()
        gc.enable()
        click.echo(f"{config.name} runs at {config.public_url} (Ctrl-C ends it)")
        if site.first_run.token is not None:
            # Not in the log, which is often sent elsewhere.
            click.echo(
                "This site has no administrator yet. Make the account here (this address holds a "
                "one-time token, keep it to yourself):\n"
                f"  {config.public_url}/setup?token={site.first_run.token}"
            )

    try:
        asyncio.run(run(config, ready=ready))
    finally:
        gc.enable()
