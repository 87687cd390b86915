"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from metropole_core import hookimpl
from metropole_core.contracts.context import PluginContext
from metropole_core.contracts.egress import Egress
from metropole_egress_thumbnails.egress import ThumbnailsEgress
from metropole_egress_thumbnails.settings import ThumbnailSettings


class Plugin:
    """Live thumbnails: what is on air, as a picture."""

    requires_api = ">=1,<2"
    Settings = ThumbnailSettings

    def __init__(self, context: PluginContext[ThumbnailSettings]) -> None:
        self.context = context

    @hookimpl
    def register_egress(self, register: Callable[[Egress], None]) -> None:
        """The one egress of this plugin."""
        register(ThumbnailsEgress(self.context))
