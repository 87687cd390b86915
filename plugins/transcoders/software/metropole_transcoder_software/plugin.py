"""The plugin as the core sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.checks import Check, Finding, Level
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.transcoder import Transcoder
from metropole_core.errors import Unavailable
from metropole_transcoder_software.settings import SoftwareSettings
from metropole_transcoder_software.transcoder import SoftwareTranscoder

CHECK_SECONDS = 4.5
SUBJECT = "Renditions in software"


class Plugin:
    """Renditions in software (x264, SVT-AV1, x265) for Metropole."""

    requires_api = ">=1,<2"
    Settings = SoftwareSettings

    def __init__(self, context: PluginContext[SoftwareSettings]) -> None:
        self._settings = context.settings

    @hookimpl
    def register_transcoder(self, register: Callable[[Transcoder], None]) -> None:
        """The one back-end of this plugin."""
        register(SoftwareTranscoder(self._settings))

    @hookimpl
    def register_checks(self, register: Callable[[Check], None]) -> None:
        """Whether it works, and how much it can do."""
        register(Check("software_renditions", self._check))

    async def _check(self) -> list[Finding]:
        transcoder = SoftwareTranscoder(self._settings)
        try:
            capability = await asyncio.wait_for(transcoder.probe(), CHECK_SECONDS)
        except Unavailable as error:
            return [
                Finding(
                    Level.ERROR,
                    SUBJECT,
                    error.sentence,
                    "Viewers get the streamer's own quality alone until this works.",
                    "software_renditions_fail",
                )
            ]
        except TimeoutError:
            return [
                Finding(
                    Level.WARNING,
                    SUBJECT,
                    f"Measuring took more than {CHECK_SECONDS:g} s.",
                    "Look again when the machine has less to do.",
                    "software_renditions_slow",
                )
            ]
        return [Finding(Level.OK, SUBJECT, capability.sentence)]
