"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.ladder import LadderPolicy
from metropole_core.contracts.transcoder import Transcoder
from metropole_transcoder_nvenc.ladder import NvencLadder
from metropole_transcoder_nvenc.settings import NvencSettings
from metropole_transcoder_nvenc.transcoder import NvencTranscoder


class Plugin:
    """Renditions on NVIDIA graphics cards for Metropole."""

    requires_api = ">=1,<2"
    Settings = NvencSettings

    def __init__(self, context: PluginContext[NvencSettings]) -> None:
        self._settings = context.settings

    @hookimpl
    def register_transcoder(self, register: Callable[[Transcoder], None]) -> None:
        """The one back-end of this plugin."""
        register(NvencTranscoder(self._settings))

    @hookimpl
    def register_ladder(self, register: Callable[[LadderPolicy], None]) -> None:
        """Taken for streams that this back-end encodes, unless the operator chose another."""
        register(NvencLadder())
