"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.transcoder import Transcoder
from metropole_transcoder_ffmpeg.settings import FfmpegSettings
from metropole_transcoder_ffmpeg.transcoder import FfmpegTranscoder


class Plugin:
    """Renditions by an ffmpeg program (VAAPI, Quick Sync) for Metropole."""

    requires_api = ">=1,<2"
    Settings = FfmpegSettings

    def __init__(self, context: PluginContext[FfmpegSettings]) -> None:
        self._settings = context.settings

    @hookimpl
    def register_transcoder(self, register: Callable[[Transcoder], None]) -> None:
        """The one back-end of this plugin."""
        register(FfmpegTranscoder(self._settings))
