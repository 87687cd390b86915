"""The chat as pages show it: last messages, modes in words, the creator's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from metropole_core.channels import Channel
from metropole_core.chat.messages import Message
from metropole_core.chat.modes import ModeState
from metropole_core.contracts.chat_mode import ChatMode

if TYPE_CHECKING:
    from metropole_core.site import Site


class ChatView:
    """Reads and sets a room for pages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def history(self, channel: Channel, limit: int) -> Sequence[Message]:
        """The last messages, oldest first."""
        return await self._site.chat.history(channel.id, limit)

    async def sentences(self, channel: Channel) -> list[str]:
        """What stands above the input: one sentence for each mode that is on."""
        return [state.sentence for state in await self.modes(channel) if state.enabled]

    async def modes(self, channel: Channel) -> Sequence[ModeState]:
        """Every installed mode in the order of asking: whether it is on, and its settings."""
        return await self._site.chat.modes(channel.id)

    async def set_mode(
        self, channel: Channel, mode: ChatMode, *, enabled: bool, settings: BaseModel
    ) -> None:
        """Switch and set a mode; it applies at once."""
        await self._site.chat.set_mode(channel.id, mode.name, enabled=enabled, settings=settings)
