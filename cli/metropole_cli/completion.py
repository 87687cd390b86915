"""`metropole completion`: the script for a shell, and the names that it completes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_METROPOLE_COMPLETE"
MAX_NAMES = 100


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and names.

    \b
    bash: metropole completion bash > ~/.local/share/bash-completion/completions/metropole
    zsh:  metropole completion zsh > a file `_metropole` in a folder of $fpath
    fish: metropole completion fish > ~/.config/fish/completions/metropole.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None  # Choice has checked it
    script = made(ctx.find_root().command, {}, "metropole", VARIABLE)
    click.echo(script.source())


def complete_channels(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of channels that begin so."""
    return _names(ctx, "channels", incomplete)


def complete_users(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of accounts that begin so."""
    return _names(ctx, "users", incomplete)


def complete_plugins(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of installed plugins that begin so."""
    from importlib.metadata import entry_points

    return _items((entry.name for entry in entry_points(group="metropole")), incomplete)


def _names(ctx: click.Context, table: str, incomplete: str) -> list[CompletionItem]:
    # Whoever presses Tab wants no error: without a database there is nothing to complete.
    try:
        from metropole_cli.names_store import names_of

        given = ctx.find_root().params.get("config_path")
        found = names_of(_database(given), table, incomplete.lower(), MAX_NAMES)
    except Exception:
        return []
    return _items(found, incomplete)


def _database(given: Path | None) -> str:
    """The URL of the database, without the second that reading the whole configuration takes."""
    import os
    import tomllib

    from metropole_cli.site_config import config_file

    path = config_file(given or _path(os.environ.get("METROPOLE_CONFIG")))
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path is not None else {}
    folder = path.resolve().parent if path is not None else Path.cwd()
    url = os.environ.get("METROPOLE_DATABASE") or table.get("database")
    if url is None:
        data = os.environ.get("METROPOLE_DATA_DIR") or table.get("data_dir", "data")
        return f"sqlite:///{folder / data / 'metropole.sqlite3'}"
    scheme, separator, rest = str(url).partition(":///")
    return f"{scheme}:///{folder / rest}" if separator and scheme == "sqlite" else str(url)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete.lower())]
