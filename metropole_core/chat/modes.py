"""Which chat modes are on in a channel, and their settings there."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from metropole_core.chat.pipeline import ActiveMode
from metropole_core.chat.store import ChatStore, StoredMode
from metropole_core.contracts.chat_mode import ChatMode
from metropole_core.contracts.context import Events
from metropole_core.contracts.events import ChatSettingsChanged
from metropole_core.errors import Invalid, NotFound

log = logging.getLogger("metropole.chat")

MAX_CACHED = 5000
"""Channels whose modes are remembered."""
MAX_SENTENCE = 120


class ModeRegistry(Protocol):
    """What is needed of the site's registry."""

    def chat_modes(self) -> tuple[ChatMode, ...]: ...

    def chat_mode(self, name: str) -> ChatMode | None: ...


@dataclass(frozen=True, slots=True)
class ModeState:
    """An installed mode in one channel."""

    mode: ChatMode
    enabled: bool
    settings: BaseModel

    @property
    def sentence(self) -> str:
        """What stands above the input while it is on."""
        try:
            return self.mode.sentence(self.settings)[:MAX_SENTENCE]
        except Exception:
            log.exception("chat mode %s has no sentence", self.mode.name)
            return self.mode.title


class ChatModes:
    """Reads and sets modes. Publishes `ChatSettingsChanged`."""

    def __init__(self, store: ChatStore, registry: ModeRegistry, events: Events) -> None:
        self._store = store
        self._registry = registry
        self._events = events
        self._cache: OrderedDict[int, dict[str, StoredMode]] = OrderedDict()
        self._version = 0

    async def states(self, channel_id: int) -> tuple[ModeState, ...]:
        """Every installed mode, in the order in which they are asked."""
        stored = self._cache.get(channel_id)
        if stored is None:
            version = self._version
            stored = await self._store.modes(channel_id)
            if version == self._version:
                self._remember(channel_id, stored)
        else:
            self._cache.move_to_end(channel_id)
        return tuple(_state(mode, stored.get(mode.name)) for mode in self._registry.chat_modes())

    async def active(self, channel_id: int) -> tuple[ActiveMode, ...]:
        """The modes that are on."""
        return tuple(
            ActiveMode(state.mode, state.settings)
            for state in await self.states(channel_id)
            if state.enabled
        )

    async def set(
        self, channel_id: int, mode: str, *, enabled: bool, settings: BaseModel | Mapping[str, Any]
    ) -> None:
        """Switch a mode and set it; applies to the next message.

        Raises:
            NotFound: no such mode is installed.
            Invalid: the settings break one of its rules.
        """
        found = self._registry.chat_mode(mode)
        if found is None:
            raise NotFound("This chat mode is not installed.")
        given = settings.model_dump() if isinstance(settings, BaseModel) else dict(settings)
        try:
            checked = found.Settings.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Invalid(f"{field}: {first['msg']}.", field=field) from None
        await self._store.set_mode(
            channel_id, mode, enabled=enabled, settings=checked.model_dump(mode="json")
        )
        self.forget(channel_id)
        self._events.publish(ChatSettingsChanged(channel_id=channel_id))

    def forget(self, channel_id: int) -> None:
        """Something changed: read again when next asked."""
        self._version += 1  # an answer that is on its way may be older than the change
        self._cache.pop(channel_id, None)

    def _remember(self, channel_id: int, stored: dict[str, StoredMode]) -> None:
        self._cache[channel_id] = stored
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)


def _state(mode: ChatMode, stored: StoredMode | None) -> ModeState:
    if stored is None:
        return ModeState(mode, False, mode.Settings())
    try:
        settings = mode.Settings.model_validate(stored.settings)
    except ValidationError as error:
        # The plugin's rules have changed since the creator set it.
        log.warning("chat mode %s: stored settings do not fit any more (%s)", mode.name, error)
        settings = mode.Settings()
    return ModeState(mode, stored.enabled, settings)
