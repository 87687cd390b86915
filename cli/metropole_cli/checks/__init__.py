"""The looks that the doctor takes itself, and those of the plugins, all at once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from metropole_cli.checks import addresses, certificate, database, files, machine, plugins, port
from metropole_cli.checks.look import BUDGET, Found, take

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

GROUPS = ("Configuration", "Machine", "Database", "Addresses", "Ports", "Plugins")
"""In this order they are shown."""


def examine(config: SiteConfig, path: Path | None) -> list[Found]:
    """Take every look; one that fails or takes longer than its budget is a finding itself.

    Arguments:
        path: the configuration file, None when there is none.
    """
    log = logging.getLogger("metropole")
    level = log.level
    # What a plugin fails at is a finding; the log would say it a second time.
    log.setLevel(logging.CRITICAL)
    try:
        found = _take(config, path)
    finally:
        log.setLevel(level)
    return sorted(found, key=lambda each: GROUPS.index(each.group))


def _take(config: SiteConfig, path: Path | None) -> list[Found]:
    _import()
    by_plugins = plugins.PluginLook(config)
    by_plugins.start()
    found = take(
        [
            *files.looks(config, path),
            *certificate.looks(config),
            *machine.looks(config),
            *database.looks(config),
            *addresses.looks(config),
            *port.looks(config),
        ]
    )
    return found + by_plugins.result(BUDGET + 1)


def _import() -> None:
    """What the looks need, before their time begins: a busy machine takes seconds for it."""
    import contextlib

    import metropole_core.db.server
    import metropole_core.server
    import metropole_core.site  # noqa: F401

    with contextlib.suppress(ImportError):
        import av  # noqa: F401
