"""`metropole user`: accounts from the command line."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import click

from metropole_cli.completion import complete_users
from metropole_cli.output import json_option, print_json, table
from metropole_cli.site_config import read_config

if TYPE_CHECKING:
    from metropole_core.accounts import User
    from metropole_core.site import Site

T = TypeVar("T")
MAX_LISTED = 10_000
STREAMING = {True: "may", False: "may not", None: "as the site says"}


def with_site(config_path: Path | None, work: Callable[[Site], Awaitable[T]]) -> T:
    """Do something with the site's database, beside a site that runs or not."""
    config = read_config(config_path)

    async def run() -> T:
        from metropole_core.site import Site

        async with Site.offline(config) as site:
            return await work(site)

    return asyncio.run(run())


async def find(site: Site, name: str) -> User:
    """The account of that name.

    Raises:
        NotFound: there is none.
    """
    from metropole_core.errors import NotFound

    found = await site.accounts.by_name(name)
    if found is None:
        raise NotFound(f"There is no account named {name}.")
    return found


@click.group()
def user() -> None:
    """Look after accounts.

    A site that runs notices what is done here within 10 seconds: it signs out who was blocked and
    ends the broadcasts of who may not stream any more.
    """


@user.command()
@click.argument("name")
@click.option("--email", default=None, help="E-mail address.")
@click.option("--admin", is_flag=True, help="May administer the site.")
@click.option(
    "--may-stream/--may-not-stream",
    default=None,
    help="Whether they may stream; without it, as the site's setting says.",
)
@click.option(
    "--password",
    default=None,
    envvar="METROPOLE_USER_PASSWORD",
    help="Password; without it a random one is made and printed.",
)
@click.pass_obj
def create(
    config_path: Path | None,
    name: str,
    email: str | None,
    admin: bool,
    may_stream: bool | None,
    password: str | None,
) -> None:
    """Make an account, and its channel, however registration is set."""
    chosen = password or secrets.token_urlsafe(12)

    async def make(site: Site) -> None:
        await site.accounts.create(
            name=name, password=chosen, email=email, is_admin=admin, may_stream=may_stream
        )

    with_site(config_path, make)
    click.echo(f"Account {name} is made." + ("" if password else f" Password: {chosen}"))


@user.command("list")
@click.argument("text", default="")
@click.option(
    "--state",
    type=click.Choice(["active", "pending", "blocked"]),
    default=None,
    help="Only these.",
)
@json_option
@click.pass_obj
def list_(config_path: Path | None, text: str, state: str | None, as_json: bool) -> None:
    """List accounts whose name holds TEXT: who waits first, then the newest."""

    async def look(site: Site) -> list[dict[str, Any]]:
        from metropole_core.accounts.model import AccountState

        found: list[dict[str, Any]] = []
        number = 1
        while len(found) < MAX_LISTED:
            shown = await site.people.page(
                text=text, state=AccountState(state) if state else None, page=number
            )
            found += [_row(row.user, row.seen_at) for row in shown.people]
            if number >= shown.pages:
                break
            number += 1
        return found

    rows = with_site(config_path, look)
    if as_json:
        print_json(rows)
        return
    table(
        ("NAME", "STATE", "ADMIN", "STREAMING", "JOINED", "LAST HERE"),
        [
            (
                row["name"],
                row["state"],
                "yes" if row["is_admin"] else "",
                "may" if row["is_admin"] else STREAMING[row["may_stream"]],
                row["joined_at"][:10],
                (row["seen_at"] or "")[:10],
            )
            for row in rows
        ],
    )


def _row(found: User, seen_at: Any) -> dict[str, Any]:
    return {
        "name": found.name,
        "display_name": found.display_name,
        "state": found.state.value,
        "is_admin": found.is_admin,
        "may_stream": found.may_stream,
        "joined_at": found.created_at.isoformat(),
        "seen_at": seen_at.isoformat() if seen_at is not None else None,
    }


@user.command()
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def approve(config_path: Path | None, name: str) -> None:
    """Let somebody in who waits for approval."""

    async def work(site: Site) -> None:
        await site.people.approve((await find(site, name)).id, by=None)

    with_site(config_path, work)
    click.echo(f"{name} is let in.")


@user.command()
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def refuse(config_path: Path | None, name: str) -> None:
    """Refuse somebody who waits: the account is deleted, its name free again."""

    async def work(site: Site) -> None:
        await site.people.refuse((await find(site, name)).id, by=None)

    with_site(config_path, work)
    click.echo(f"{name} is refused.")


@user.command()
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def block(config_path: Path | None, name: str) -> None:
    """Sign somebody out everywhere, keep them out, and end their broadcasts."""

    async def work(site: Site) -> None:
        await site.people.block((await find(site, name)).id, by=None)

    with_site(config_path, work)
    click.echo(f"{name} is blocked.")


@user.command()
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def unblock(config_path: Path | None, name: str) -> None:
    """Let somebody in again who was blocked."""

    async def work(site: Site) -> None:
        await site.people.unblock((await find(site, name)).id, by=None)

    with_site(config_path, work)
    click.echo(f"{name} may sign in again.")


def _set_streaming(config_path: Path | None, name: str, may_stream: bool | None) -> None:
    async def work(site: Site) -> None:
        await site.people.set_streaming((await find(site, name)).id, may_stream, by=None)

    with_site(config_path, work)


@user.command("grant-streaming")
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def grant_streaming(config_path: Path | None, name: str) -> None:
    """Give somebody the right to stream."""
    _set_streaming(config_path, name, True)
    click.echo(f"{name} may stream.")


@user.command("revoke-streaming")
@click.argument("name", shell_complete=complete_users)
@click.option("--default", "as_site", is_flag=True, help="Leave it to the site's setting instead.")
@click.pass_obj
def revoke_streaming(config_path: Path | None, name: str, as_site: bool) -> None:
    """Take the right to stream away; a broadcast that runs ends."""
    _set_streaming(config_path, name, None if as_site else False)
    click.echo(f"{name} streams as the site says." if as_site else f"{name} may not stream.")


@user.command("reset-password")
@click.argument("name", shell_complete=complete_users)
@click.pass_obj
def reset_password(config_path: Path | None, name: str) -> None:
    """Print a link with which somebody chooses a new password: works once, within 24 hours."""

    async def work(site: Site) -> str:
        token = await site.credentials.make_link(await find(site, name), by=None)
        return f"{site.config.public_url}/reset-password?{urlencode({'token': token})}"

    click.echo(with_site(config_path, work))


@user.command("set-password")
@click.argument("name", shell_complete=complete_users)
@click.option(
    "--password",
    default=None,
    envvar="METROPOLE_USER_PASSWORD",
    help="The password; without it you are asked.",
)
@click.pass_obj
def set_password(config_path: Path | None, name: str, password: str | None) -> None:
    """Set somebody's password. They are signed out everywhere."""
    chosen = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def work(site: Site) -> None:
        await site.credentials.set(await find(site, name), chosen, by=None)

    with_site(config_path, work)
    click.echo(f"The password of {name} is set.")
