"""The command and its groups. Each command imports what it needs when it runs, so that help and
completion are instant."""

from __future__ import annotations

from pathlib import Path

import click

from metropole_cli.output import fail


class Group(click.Group):
    """A group whose commands end with one sentence, not a traceback, on an error for people."""

    def invoke(self, ctx: click.Context) -> object:
        from metropole_core.errors import MetropoleError

        try:
            return super().invoke(ctx)
        except MetropoleError as error:
            fail(error.sentence)
        return None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    envvar="METROPOLE_CONFIG",
    help="Configuration file. Without it ./metropole.toml is read when it exists.",
)
@click.version_option(package_name="metropole", prog_name="metropole")
@click.pass_context
def main(ctx: click.Context, config_path: Path | None) -> None:
    """Metropole: a live streaming site of your own.

    `metropole init` makes a site in this folder, `metropole serve` runs it, `metropole doctor`
    says what is wrong before you go live.
    """
    ctx.obj = config_path


def _register() -> None:
    from metropole_cli import (
        certificate_command,
        channels,
        completion,
        config_command,
        database,
        demo_command,
        doctor,
        init,
        invitations,
        plugins,
        serve,
        users,
        version_command,
    )
    from metropole_cli.proxy import command as proxy

    main.add_command(init.init)
    main.add_command(serve.serve)
    main.add_command(demo_command.demo)
    main.add_command(database.db)
    main.add_command(users.user)
    main.add_command(channels.channel)
    main.add_command(invitations.invite)
    main.add_command(plugins.plugins)
    main.add_command(doctor.doctor)
    main.add_command(config_command.config)
    main.add_command(certificate_command.certificate)
    main.add_command(completion.completion)
    main.add_command(version_command.version)
    main.add_command(proxy.proxy_config)


_register()
