"""`metropole user`: accounts from the command line."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import click

from metropole_cli.site_config import read_config


@click.group()
def user() -> None:
    """Look after accounts."""


@user.command()
@click.argument("name")
@click.option("--email", default=None, help="E-mail address.")
@click.option("--admin", is_flag=True, help="May administer the site.")
@click.option(
    "--password",
    default=None,
    envvar="METROPOLE_USER_PASSWORD",
    help="Password; without it a random one is made and printed.",
)
@click.pass_obj
def create(
    config_path: Path | None, name: str, email: str | None, admin: bool, password: str | None
) -> None:
    """Make an account, and its channel."""
    config = read_config(config_path)
    chosen = password or secrets.token_urlsafe(12)

    async def make() -> None:
        from metropole_core.site import Site

        async with Site.offline(config) as site:
            await site.accounts.create(name=name, password=chosen, email=email, is_admin=admin)

    asyncio.run(make())
    click.echo(f"Account {name} is made." + ("" if password else f" Password: {chosen}"))
