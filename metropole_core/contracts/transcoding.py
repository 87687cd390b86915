"""How a provider that hosts streams here has renditions made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from metropole_core.contracts.provider import BroadcastRef
from metropole_media.live import LiveStream


class Transcoding(Protocol):
    """The core's door: ladder, choice of back-end, supervision."""

    def follow(self, broadcast: BroadcastRef, stream: LiveStream) -> Callable[[], None]:
        """Declare the stream's ladder once its source is known, and have it made.

        Returns:
            ends that, and may be called twice; the end of the stream does the same.
        """
