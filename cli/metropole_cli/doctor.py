"""`metropole doctor`: what is wrong, found before going live."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metropole_cli.site_config import read_config

if TYPE_CHECKING:
    from metropole_core.contracts.checks import Finding

MARKS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("ERROR  ", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def doctor(config_path: Path | None, as_json: bool) -> None:
    """Look at ports, database, FFmpeg, disk, clock and plugins; exit code 1 on an error."""
    from metropole_cli.checks import examine
    from metropole_core.contracts.checks import Level

    config = read_config(config_path)
    findings = asyncio.run(examine(config))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _show(finding)
        errors = sum(finding.level is Level.ERROR for finding in findings)
        warnings = sum(finding.level is Level.WARNING for finding in findings)
        click.echo(
            "All is well."
            if not errors and not warnings
            else f"\n{errors} to mend, {warnings} to know about."
        )
    if any(finding.level is Level.ERROR for finding in findings):
        raise SystemExit(1)


def _show(finding: Finding) -> None:
    mark, colour = MARKS[finding.level.value]
    click.echo(f"{click.style(mark, fg=colour)}  {finding.subject}: {finding.sentence}")
    if finding.advice:
        click.echo(f"         -> {finding.advice}")
