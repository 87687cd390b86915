"""`metropole version`: what is installed, for reports of defects."""

from __future__ import annotations

import platform

import click

from metropole_cli.output import json_option, print_json


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Print the versions of Metropole, Python, the plugin API and every plugin."""
    from importlib.metadata import entry_points
    from importlib.metadata import version as version_of

    from metropole_core.hookspecs import API_VERSION

    plugins = {
        entry.name: entry.dist.version if entry.dist is not None else "?"
        for entry in sorted(entry_points(group="metropole"), key=lambda entry: entry.name)
    }
    found = {
        "metropole": version_of("metropole"),
        "plugin_api": API_VERSION,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "plugins": plugins,
    }
    if as_json:
        print_json(found)
        return
    click.echo(f"metropole {found['metropole']}, plugin API {API_VERSION}")
    click.echo(f"Python {found['python']} on {found['system']}")
    for name, number in plugins.items():
        click.echo(f"  {name} {number}")
