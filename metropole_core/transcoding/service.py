"""The core's door for providers: follows streams, and has renditions made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from metropole_core.contracts.provider import BroadcastRef
from metropole_media.live import LiveStream

if TYPE_CHECKING:
    from metropole_core.registry import Registry


class TranscodingService:
    """`contracts.transcoding.Transcoding`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def follow(self, broadcast: BroadcastRef, stream: LiveStream) -> Callable[[], None]:
        """Declare the stream's ladder once its source is known; see the contract."""
        stream.ladder.declare(())
        return lambda: None
