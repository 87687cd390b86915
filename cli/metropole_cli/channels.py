"""`metropole channel`: channels from the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from metropole_cli.completion import complete_channels
from metropole_cli.output import json_option, print_json, table
from metropole_cli.users import with_site

if TYPE_CHECKING:
    from metropole_core.limits import Limits, OwnLimits
    from metropole_core.site import Site

LATENCIES = ("normal", "low", "ultra-low")
UNITS = {"bitrate": "bit/s", "height": "px", "duration": "s", "storage": "octets"}


class AmountOrWord(click.ParamType[int | None]):
    """An amount as the settings take it, "none" for no limit, "site" for the site's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        from metropole_core.config import amounts

        read: dict[str, Callable[[object], int]] = {
            "bitrate": amounts.bitrate,
            "height": amounts.height,
            "duration": amounts.seconds,
            "storage": amounts.octets,
        }
        if value == "site":
            return None
        if value == "none":
            return 0
        try:
            return read[self.name](value)
        except ValueError as error:
            self.fail(f'{error}, or "none", or "site"', param, ctx)


def limit(name: str, help_: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option of one limit."""
    return click.option(f"--{name}", type=AmountOrWord(name), default=None, help=help_)


@click.group()
def channel() -> None:
    """Look after channels."""


@channel.command()
@click.argument("name", shell_complete=complete_channels)
@limit("bitrate", "What its stream may send: 8M (bit/s).")
@limit("height", "The shorter side of its picture: 1080.")
@limit("duration", "How long one broadcast may last: 4h.")
@limit("storage", "What its files may take: 20M (octets).")
@json_option
@click.pass_context
def limits(ctx: click.Context, /, name: str, as_json: bool, **amounts: int | None) -> None:
    """Show what a channel may take, or set it.

    "none" is no limit, "site" that of the site's settings. A site that runs knows it at the next
    go-live, and for a stream that runs within 10 seconds.
    """
    given = {
        limit: value
        for limit, value in amounts.items()
        if ctx.get_parameter_source(limit) is click.core.ParameterSource.COMMANDLINE
    }

    async def work(site: Site) -> tuple[OwnLimits, Limits]:
        from metropole_core.errors import NotFound

        found = await site.channels.by_name(name)
        if found is None:
            raise NotFound(f"There is no channel named {name}.")
        own = replace(await site.limits.own(found.id), **given)
        if given:
            await site.limits.set_own(found.id, own)
        return own, await site.limits.of(found.id)

    own, holding = with_site(ctx.obj, work)
    if as_json:
        print_json({"channel": name, "own": asdict(own), "holding": asdict(holding)})
        return
    table(
        ("LIMIT", "THIS CHANNEL", "HOLDS"),
        [
            (each, _said(getattr(own, each), unit), _said(getattr(holding, each), unit))
            for each, unit in UNITS.items()
        ],
    )


@channel.command()
@click.argument("name", shell_complete=complete_channels)
@click.argument("choice", required=False, type=click.Choice([*LATENCIES, "site"]))
@json_option
@click.pass_context
def latency(ctx: click.Context, /, name: str, choice: str | None, as_json: bool) -> None:
    """Show how far behind a channel's viewers are, or choose.

    "site" is the site's setting. It holds from the channel's next broadcast on.
    """

    async def work(site: Site) -> tuple[str, str]:
        from metropole_core.contracts.latency import Latency
        from metropole_core.errors import NotFound

        found = await site.channels.by_name(name)
        if found is None:
            raise NotFound(f"There is no channel named {name}.")
        if choice is not None:
            wanted = None if choice == "site" else Latency(choice.replace("-", "_"))
            found = await site.channels.set_latency(found.id, wanted)
        own = found.latency.value if found.latency else "site"
        return own, (found.latency or site.config.latency).value

    own, holds = with_site(ctx.obj, work)
    if as_json:
        print_json({"channel": name, "own": own, "holding": holds})
        return
    table(("THIS CHANNEL", "HOLDS"), [(own.replace("_", "-"), holds.replace("_", "-"))])


def _said(value: int | None, unit: str) -> str:
    from metropole_core.limits import Amount

    if value is None:
        return "site"
    return Amount(value, unit).text() if value else "none"
