"""The plugin as the core sees it."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from metropole_chat_mode_slow.mode import SlowMode
from metropole_core import hookimpl
from metropole_core.contracts.chat_mode import ChatMode
from metropole_core.contracts.context import PluginContext


class Plugin:
    """Slow mode. The operator has nothing to set; creators set it for their channel."""

    requires_api = ">=1,<2"

    def __init__(self, context: PluginContext[BaseModel]) -> None:
        self._context = context

    @hookimpl
    def register_chat_mode(self, register: Callable[[ChatMode], None]) -> None:
        """The one mode of this plugin."""
        register(SlowMode(self._context.shared, self._context.clock))
