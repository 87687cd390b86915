"""`metropole proxy-config`: print the configuration of a web server in front of the site."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from metropole_cli.site_config import read_config

SERVERS = {"nginx": "nginx.conf.j2", "caddy": "Caddyfile.j2"}


@click.command("proxy-config")
@click.argument("server", type=click.Choice(sorted(SERVERS)))
@click.option("--certificate", type=click.Path(path_type=Path), help="TLS certificate chain.")
@click.option("--key", type=click.Path(path_type=Path), help="Key of the certificate.")
@click.option(
    "--cache-dir",
    type=click.Path(path_type=Path),
    default=Path("/var/cache/nginx/metropole"),
    show_default=True,
    help="Folder where nginx keeps media for a few minutes.",
)
@click.pass_obj
def proxy_config(
    config_path: Path | None,
    server: str,
    certificate: Path | None,
    key: Path | None,
    cache_dir: Path,
) -> None:
    """Print the configuration of nginx or Caddy for this site.

    It puts pages, WebSocket and media (cached by nginx) under the one host name of `public_url`.
    What metropole.toml lacks for that is said on standard error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from metropole_cli.proxy.front import front_of
    from metropole_core.site import Site

    config = read_config(config_path)

    async def media_bind() -> str | None:
        async with Site.offline(config) as site:
            local = site.plugins.settings("provider_local")
            return str(getattr(local.value, "bind", "")) or None if local is not None else None

    front = front_of(
        config,
        asyncio.run(media_bind()),
        certificate=certificate,
        key=key,
        cache_dir=cache_dir,
    )
    templates = Environment(
        loader=PackageLoader("metropole_cli", "proxy"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (plain text, and every value in it is checked)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    click.echo(templates.get_template(SERVERS[server]).render(front=front), nl=False)
    if front.lacking:
        click.echo(
            "The site needs these settings behind it; put them at the top of metropole.toml:\n  "
            + "\n  ".join(front.lacking),
            err=True,
        )
