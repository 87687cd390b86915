"""How the command speaks: timed steps, tables, and errors in one sentence."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and how long it took once it is done."""
    click.echo(f"  {text} ...", nl=False)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        click.echo(" failed")
        raise
    click.echo(f" {time.monotonic() - began:.1f} s")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as its content."""
    widths = [
        max(len(heading), *(len(row[column]) for row in rows)) if rows else len(heading)
        for column, heading in enumerate(headings)
    ]
    line = "  ".join(heading.ljust(width) for heading, width in zip(headings, widths, strict=True))
    click.secho(line.rstrip(), bold=sys.stdout.isatty())
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def fail(sentence: str, code: int = 1) -> None:
    """Say what is wrong on standard error and end with that exit code."""
    click.echo(f"metropole: {sentence}", err=True)
    raise SystemExit(code)
