"""How the command speaks: timed steps, tables, JSON for programs, and errors in one sentence.

With `--json` standard output holds one JSON document and nothing else; errors stay a sentence on
standard error, and the exit code says the rest.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
"""The option of every command that prints something a program may want."""


def print_json(value: Any) -> None:
    """Print one JSON document. Dataclasses become objects, enums their value, paths and times
    text."""
    click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    from dataclasses import asdict, is_dataclass
    from datetime import datetime

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


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
