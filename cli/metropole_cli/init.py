"""`metropole init`: write configuration and key file, make the database and the first admin."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import click

from metropole_cli.output import fail, step
from metropole_cli.site_config import DEFAULT_NAME

TEMPLATE = """\
# Metropole's configuration. Settings of plugins stand in [plugin.<name>].
name = {name}
# The address of the site as people type it.
public_url = {public_url}
# Where the site listens. Behind a reverse proxy leave it on the loopback address.
bind = {bind}
data_dir = {data_dir}
key_file = {key_file}
# sqlite:///file, or mysql://user:password@host/database
database = {database}

# Who may make an account: "open" (everyone), "invitation" (who has a code), "approval" (an
# administrator lets them in), "closed" (nobody). Change it when strangers shall not come by
# themselves: each account can have several channels and take room on this server.
registration = "open"
# Who may stream: "everyone", or "granted" (whom an administrator gave the right). Change it when
# everyone may chat and follow, but you choose the creators.
streaming = "everyone"

[plugin.provider_local]
# Where players fetch video: the media port.
bind = {media_bind}

[plugin.ingest_rtmp]
# Where encoders such as OBS connect.
bind = {rtmp_bind}
"""


def quote(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'


@click.command()
@click.option("--name", default=None, help="Name of the site.")
@click.option(
    "--public-url", default=None, help="Address as people type it, e.g. https://tv.example"
)
@click.option("--host", default=None, help="Address to listen on: 127.0.0.1, or 0.0.0.0 for all.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder for data.")
@click.option("--database", default=None, help="mysql://user:password@host/name; default: SQLite.")
@click.option("--admin", default=None, help="Account name of the first administrator.")
@click.option(
    "--admin-password",
    default=None,
    envvar="METROPOLE_ADMIN_PASSWORD",
    help="Its password; better given by the environment variable.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take flags and defaults.")
@click.pass_obj
def init(
    config_path: Path | None,
    name: str | None,
    public_url: str | None,
    host: str | None,
    data_dir: Path | None,
    database: str | None,
    admin: str | None,
    admin_password: str | None,
    yes: bool,
) -> None:
    """Make a site in this folder: configuration, key file, database, first administrator."""
    target = config_path or Path(DEFAULT_NAME)
    if target.exists():
        fail(f"{target} exists already. Remove it, or name another file with --config.")

    def ask(value: str | None, question: str, default: str, *, hide: bool = False) -> str:
        if value is not None:
            return value
        if yes:
            return default
        answer: str = click.prompt(
            question, default=default or None, hide_input=hide, confirmation_prompt=hide
        )
        return answer

    name = ask(name, "Name of the site", "Metropole")
    host = ask(host, "Address to listen on", "127.0.0.1")
    public_url = ask(public_url, "Address as people type it", f"http://{host}:8000")
    data_dir = data_dir or target.resolve().parent / "data"
    database = ask(database, "Database", f"sqlite:///{data_dir}/metropole.sqlite3")
    admin = ask(admin, "Account name of the first administrator", "admin")
    if admin_password is None and yes:
        fail("--yes needs a password: set METROPOLE_ADMIN_PASSWORD.")
    admin_password = ask(admin_password, "Its password", "", hide=True)

    text = TEMPLATE.format(
        name=quote(name),
        public_url=quote(public_url),
        bind=quote(f"{host}:8000"),
        data_dir=quote(str(data_dir)),
        key_file=quote(str(data_dir / "site.key")),
        database=quote(database),
        media_bind=quote(f"{host}:8001"),
        rtmp_bind=quote(f"{host}:1935"),
    )
    try:
        # People's addresses and password hashes will lie there.
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, text)
    except OSError as error:
        fail(f"{error.filename} cannot be written ({error.strerror}). Choose another folder.")
    try:
        asyncio.run(_make(target, admin, admin_password))
    except BaseException:
        # A second try must not stumble over half a site; data that was made is kept.
        target.unlink(missing_ok=True)
        raise
    click.echo(f"\n{target} is written. Start the site with: metropole serve")


def _write(target: Path, text: str) -> None:
    # The database's password may stand in it.
    target.touch(mode=0o600)
    target.write_text(text, encoding="utf-8")


async def _make(config_path: Path, admin: str, password: str) -> None:
    from metropole_core.config import load_config
    from metropole_core.db import migrate
    from metropole_core.keys import SiteKeys
    from metropole_core.site import Site

    config = load_config(config_path, {})
    if not config.key_file.exists():
        with step("making the key file"):
            SiteKeys.create(config.key_file)
    with step("making the database"):
        await asyncio.to_thread(migrate.upgrade, config.database)
    with step(f"making the account {admin}"):
        async with Site.offline(config) as site:
            await site.accounts.create(name=admin, password=password, email=None, is_admin=True)
