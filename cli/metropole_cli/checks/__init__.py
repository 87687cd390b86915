"""The looks that the doctor takes itself, and those of the plugins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from metropole_cli.checks import machine, site
from metropole_core.contracts.checks import Check, Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

BUDGET = 5.0


async def examine(config: SiteConfig) -> list[Finding]:
    """Take every look; one that fails or takes longer than its budget is a finding itself."""
    from metropole_core.errors import MetropoleError
    from metropole_core.site import Site

    findings = machine.examine(config)
    findings += await asyncio.to_thread(site.examine_files, config)
    findings += await asyncio.to_thread(site.examine_port, config)
    try:
        async with Site.offline(config) as offline:
            findings += await site.examine_database(offline)
            findings += site.examine_plugins(offline)
            for check in offline.plugins.checks():
                findings += await _run(check)
    except MetropoleError as error:
        findings.append(Finding(Level.ERROR, "Site", error.sentence))
    return findings


async def _run(check: Check) -> list[Finding]:
    try:
        return await asyncio.wait_for(check.run(), BUDGET)
    except TimeoutError:
        return [Finding(Level.WARNING, check.name, f"the check took longer than {BUDGET:.0f} s")]
    except Exception as error:
        return [
            Finding(
                Level.WARNING,
                check.name,
                f"the check failed: {error!r}",
                "Report it to its author.",
            )
        ]
