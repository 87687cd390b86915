"""Makes the demonstration's site, starts it and puts one channel on air."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metropole_cli.demo import art, cast
from metropole_cli.output import fail, step

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig
    from metropole_core.site import Site

HOST = "127.0.0.1"
STOP_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demonstration listens on 127.0.0.1."""

    site: int
    media: int
    rtmp: int


async def run(data_dir: Path, ports: Ports, *, publish: bool) -> None:
    """Run until Ctrl-C."""
    from metropole_core.server import serve

    _check_ports(ports)
    config = make_config(data_dir, ports)
    passwords = await prepare(config, data_dir)
    encoder: asyncio.Task[None] | None = None

    async def off_air() -> None:
        if encoder is not None:
            encoder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await encoder

    async def ready(site: Site) -> None:
        nonlocal encoder
        site.closing.append(off_air)  # the encoder says good-bye before the site does
        key = await _key(site, cast.ON_AIR.name)
        if publish:
            encoder = asyncio.create_task(_publish(f"rtmp://{HOST}:{ports.rtmp}/live/{key}"))
        _greet(config, ports, passwords, await _key(site, cast.ADMIN), publish=publish)

    try:
        await serve(config, ready=ready)
    finally:
        await off_air()
    click.echo("Ended.")


def _check_ports(ports: Ports) -> None:
    for option, port in (
        ("--port", ports.site),
        ("--media-port", ports.media),
        ("--rtmp-port", ports.rtmp),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                fail(
                    f"Port {port} is taken by another program. "
                    f"End it, or choose another one: metropole demo {option} {port + 1000}"
                )


def make_config(data_dir: Path, ports: Ports) -> SiteConfig:
    """The demonstration's configuration; nothing is read from a file."""
    from metropole_core.config import SiteConfig

    folder = data_dir.resolve()
    return SiteConfig.model_validate(
        {
            "name": "Metropole",
            "public_url": f"http://{HOST}:{ports.site}",
            "bind": f"{HOST}:{ports.site}",
            "data_dir": folder,
            "key_file": folder / "site.key",
            "database": f"sqlite:///{folder}/metropole.sqlite3",
            "plugin": {
                "provider_local": {"bind": f"{HOST}:{ports.media}"},
                "ingest_rtmp": {"bind": f"{HOST}:{ports.rtmp}"},
            },
        }
    )


async def prepare(config: SiteConfig, data_dir: Path) -> dict[str, str]:
    """Make key file, database, accounts and channels where they are missing.

    Returns:
        Passwords by account name, kept beside the database with mode 0600.
    """
    from metropole_core.db import migrate
    from metropole_core.keys import SiteKeys

    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not config.key_file.exists():
        SiteKeys.create(config.key_file)
    if migrate.current(config.database) != migrate.head():
        with step("making the database"):
            await asyncio.to_thread(migrate.upgrade, config.database)
    kept = data_dir / "passwords.json"
    if kept.exists():
        passwords: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        return passwords
    passwords = {name: secrets.token_urlsafe(9) for name in (cast.ADMIN, cast.VIEWER)}
    from metropole_core.site import Site

    async with Site.offline(config) as site:
        await _people(site, passwords)
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(passwords, indent=2), encoding="utf-8")
    return passwords


async def _people(site: Site, passwords: dict[str, str]) -> None:
    with step(f"making {len(passwords)} accounts and {len(cast.CHANNELS)} channels"):
        people: dict[str, str | None] = {cast.ADMIN: None, cast.VIEWER: None}
        people |= {channel.name: channel.display_name for channel in cast.CHANNELS}
        accounts = {}
        for name, display_name in people.items():
            password = passwords.get(name) or secrets.token_urlsafe(24)
            accounts[name] = await _account(site, name, display_name, password)
        for demo in cast.CHANNELS:
            channel = await site.channels.by_name(demo.name)
            if channel is None:
                channel = await site.channels.create(
                    accounts[demo.name], demo.name, demo.display_name
                )
            await site.channels.update(
                channel.id,
                title=demo.title,
                category=demo.category,
                tags=demo.tags,
                description=demo.description,
            )
            await site.channels.set_thumbnail(channel.id, art.thumbnail(demo.name))
            await site.channels.set_avatar(channel.id, art.avatar(demo.name))
            if demo.name != "lab_o":
                await site.follows.follow(accounts[cast.VIEWER], channel.id)
        stage = await site.channels.by_name(cast.ON_AIR.name)
        assert stage is not None
        for name, text in cast.CHATTER:
            speaker = await site.accounts.by_id(accounts[name])
            await site.chat.say(stage.id, speaker, text, address=None)


async def _account(site: Site, name: str, display_name: str | None, password: str) -> int:
    user = await site.accounts.by_name(name)
    if user is None:
        user = await site.accounts.create(
            name=name,
            password=password,
            email=None,
            display_name=display_name,
            is_admin=name == cast.ADMIN,
        )
    return user.id


async def _key(site: Site, name: str) -> str:
    channel = await site.channels.by_name(name)
    if channel is None:
        fail(f"The demonstration's channel {name} is gone. Remove its folder to begin anew.")
        raise AssertionError
    return await site.channels.stream_key(channel.id)


async def _publish(url: str) -> None:
    """Keep the test picture on air: a publisher that ends is started again after a moment."""
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "metropole_cli.testcard", "-", "--scene", cast.ON_AIR.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            assert process.stdin is not None
            process.stdin.write(f"{url}\n".encode())  # others can see a command line
            process.stdin.close()
            await process.wait()
            await asyncio.sleep(5)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
                except TimeoutError:
                    process.kill()
                    await process.wait()


def _greet(
    config: SiteConfig, ports: Ports, passwords: dict[str, str], key: str, *, publish: bool
) -> None:
    click.echo(f"\n  Metropole runs at {click.style(config.public_url, bold=True)}\n")
    if publish:
        click.echo(f"  On air:    {config.public_url}/{cast.ON_AIR.name}")
    for name, password in passwords.items():
        role = "administrator" if name == cast.ADMIN else "viewer"
        click.echo(f"  Sign in:   {name} / {password}   ({role})")
    click.echo("\n  To go live yourself, paste into OBS > Settings > Stream > Custom:")
    click.echo(f"  Server:    rtmp://{HOST}:{ports.rtmp}/live")
    click.echo(f"  Key:       {key}   (channel {cast.ADMIN})")
    click.echo("\n  Ctrl-C ends everything.\n")
