"""`metropole invite`: invitations from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from metropole_cli.output import json_option, print_json, table
from metropole_cli.users import STREAMING, with_site

if TYPE_CHECKING:
    from metropole_core.accounts.model import Invitation
    from metropole_core.site import Site


@click.group()
def invite() -> None:
    """Invite people to make an account."""


@invite.command()
@click.option("--note", default="", help="For administrators, such as whom it is for.")
@click.option("--uses", default=1, show_default=True, help="How many people it lets in.")
@click.option("--days", default=7, show_default=True, help="How long it is good; 0: for ever.")
@click.option(
    "--may-stream/--may-not-stream",
    default=None,
    help="Whether they may stream; without it, as the site's setting says.",
)
@click.pass_obj
def create(
    config_path: Path | None, note: str, uses: int, days: int, may_stream: bool | None
) -> None:
    """Make an invitation and print its link, which is not shown again."""

    async def work(site: Site) -> str:
        _invitation, code = await site.accounts.invitations.create(
            by=None, note=note, uses=uses, days=days or None, may_stream=may_stream
        )
        return f"{site.config.public_url}/signup?{urlencode({'code': code})}"

    click.echo(with_site(config_path, work))


@invite.command("list")
@json_option
@click.pass_obj
def list_(config_path: Path | None, as_json: bool) -> None:
    """List the invitations, the newest first."""

    async def work(site: Site) -> list[Invitation]:
        return await site.accounts.invitations.all()

    found = with_site(config_path, work)
    if as_json:
        print_json(found)
        return
    table(
        ("ID", "NOTE", "USED", "GOOD UNTIL", "STREAMING"),
        [
            (
                str(each.id),
                each.note,
                f"{each.uses} of {each.max_uses}",
                each.expires_at.strftime("%Y-%m-%d %H:%M UTC") if each.expires_at else "for ever",
                STREAMING[each.may_stream],
            )
            for each in found
        ],
    )


@invite.command()
@click.argument("number", type=int, metavar="ID")
@click.pass_obj
def revoke(config_path: Path | None, number: int) -> None:
    """Take the invitation of that ID back: its link lets nobody in any more."""

    async def work(site: Site) -> None:
        await site.accounts.invitations.revoke(number, by=None)

    with_site(config_path, work)
    click.echo(f"Invitation {number} is revoked.")
