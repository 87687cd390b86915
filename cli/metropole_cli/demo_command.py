"""`metropole demo`: try everything on this machine, with nothing to set up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Folder of the demonstration; remove it to begin anew.",
)
@click.option("--port", default=8000, show_default=True, help="Port of the site.")
@click.option("--media-port", default=8001, show_default=True, help="Port of video.")
@click.option("--rtmp-port", default=1935, show_default=True, help="Port of encoders.")
@click.option("--no-publish", is_flag=True, help="Leave every channel offline.")
def demo(data_dir: Path, port: int, media_port: int, rtmp_port: int, no_publish: bool) -> None:
    """Run a site with demo accounts, channels and one channel on air, on 127.0.0.1."""
    from metropole_cli.demo.run import Ports, run
    from metropole_cli.serve import set_up_logging

    set_up_logging(verbose=False)
    asyncio.run(run(data_dir, Ports(port, media_port, rtmp_port), publish=not no_publish))
