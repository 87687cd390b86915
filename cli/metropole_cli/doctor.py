"""`metropole doctor`: what is wrong, found before going live, or while a stream is on air."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metropole_cli.completion import complete_channels
from metropole_cli.output import json_option, print_json
from metropole_cli.site_config import config_file, read_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metropole_cli.checks.look import Found
    from metropole_core.contracts.checks import Finding

MARKS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("ERROR  ", "red")}


@click.command()
@click.option(
    "--channel",
    metavar="NAME",
    shell_complete=complete_channels,
    help="Look at what arrives at a channel that is on air instead, for about 10 s.",
)
@json_option
@click.pass_obj
def doctor(config_path: Path | None, channel: str | None, as_json: bool) -> None:
    """Look at everything that can be wrong, and say what to do about it.

    Files, machine, database, addresses, ports and plugins, before the first start or beside a
    running site. Nothing is changed. The exit code is 1 when something will not work, 0 when all
    is well or there are only warnings, 2 when the command was given wrongly.
    """
    config = read_config(config_path)
    if channel is not None:
        from metropole_cli.stream import examine as examine_stream

        found = examine_stream(config, channel)
    else:
        from metropole_cli.checks import examine

        found = examine(config, config_file(config_path))
    if as_json:
        print_json([as_object(each) for each in found])
    else:
        _show(found)
    if any(each.finding.level.value == "error" for each in found):
        raise SystemExit(1)


def as_object(found: Found) -> dict[str, str]:
    """A finding for programs: `code` is stable, the sentences are not."""
    finding = found.finding
    return {
        "group": found.group.lower(),
        "code": finding.code,
        "level": finding.level.value,
        "subject": finding.subject,
        "sentence": finding.sentence,
        "advice": finding.advice,
    }


def _show(found: Sequence[Found]) -> None:
    for group, members in groupby(found, key=lambda each: each.group):
        click.secho(group, bold=True)
        for each in members:
            _line(each.finding)
    levels = [each.finding.level.value for each in found]
    errors, warnings = levels.count("error"), levels.count("warning")
    looks = f"{len(found)} looks"
    if errors or warnings:
        click.echo(f"\n{looks}: {errors} to mend, {warnings} to know about.")
    else:
        click.echo(f"\n{looks}: all is well.")


def _line(finding: Finding) -> None:
    mark, colour = MARKS[finding.level.value]
    click.echo(f"  {click.style(mark, fg=colour)}  {finding.subject}: {finding.sentence}")
    if finding.advice:
        click.echo(f"           -> {finding.advice}")
