"""Looks at what makes smaller qualities of streams: is it there, does it work, is it named well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from metropole_cli.checks.look import BUDGET
from metropole_core.contracts.checks import Finding, Level
from metropole_core.errors import Unavailable

if TYPE_CHECKING:
    from metropole_core.config.transcoding import TranscodingConfig
    from metropole_core.contracts.transcoder import Transcoder
    from metropole_core.site import Site

SUBJECT = "Smaller qualities"
BUILT_IN = "standard"


async def look(site: Site) -> list[Finding]:
    """All of it. Transcoders of plugins with checks of their own are left to those."""
    config = site.config.transcoding
    transcoders = site.registry.transcoders()
    if not config.enabled:
        return [Finding(Level.OK, SUBJECT, "are switched off", code="transcoding_off")]
    found = names(
        config,
        [each.name for each in transcoders],
        [each.name for each in site.registry.ladders()],
    )
    looked_at = {site.registry.owner(check) for check in site.registry.checks()}
    mine = [
        each
        for each in transcoders
        if config.transcoder in ("", each.name) and site.registry.owner(each) not in looked_at
    ]
    return found + list(await asyncio.gather(*(tried(each) for each in mine)))


def names(config: TranscodingConfig, transcoders: list[str], ladders: list[str]) -> list[Finding]:
    """Whether what the settings name is there."""
    if not transcoders:
        return [
            Finding(
                Level.OK,
                SUBJECT,
                "no transcoder is installed: viewers get what is sent, and nothing smaller "
                "(pip install metropole-transcoder-software)",
                code="transcoding_absent",
            )
        ]
    found = []
    if config.transcoder and config.transcoder not in transcoders:
        found.append(
            Finding(
                Level.WARNING,
                SUBJECT,
                f"the settings name the transcoder {config.transcoder}, which is not there, so "
                "that none is used",
                f"Set transcoding.transcoder to one of: {', '.join(transcoders)}; or leave it out.",
                "transcoder_unknown",
            )
        )
    known = sorted({BUILT_IN, *ladders})
    if config.ladder and config.ladder not in known:
        found.append(
            Finding(
                Level.WARNING,
                SUBJECT,
                f"the settings name the ladder policy {config.ladder}, which is not there; "
                f"{BUILT_IN} is used",
                f"Set transcoding.ladder to one of: {', '.join(known)}; or leave it out.",
                "ladder_unknown",
            )
        )
    return found


async def tried(transcoder: Transcoder) -> Finding:
    """What it says of this machine. One that does not work here is no fault: others may."""
    subject, code = f"Transcoder {transcoder.name}", f"transcoder_{transcoder.name}"
    try:
        capability = await asyncio.wait_for(transcoder.probe(), BUDGET - 0.5)
    except Unavailable as error:
        return Finding(Level.OK, subject, f"is not used: {error.sentence}", code=f"{code}_unused")
    except TimeoutError:
        return Finding(
            Level.WARNING,
            subject,
            "could not be tried in time",
            "Look at Administration > Capacity of the running site, which gives it longer.",
            f"{code}_late",
        )
    return Finding(Level.OK, subject, capability.sentence, code=code)
