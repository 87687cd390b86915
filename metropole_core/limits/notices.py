"""The last thing that each channel's creator has to know about its encoder: kept in memory, since
an encoder shows little of why it was refused (OBS only in its log)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from metropole_core.clock import utc_now
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.context import Clock, Events
from metropole_core.contracts.events import EncoderNoticed
from metropole_core.limits.words import Sentence

MAX_CHANNELS = 10_000
"""The oldest are forgotten."""
KEPT_SECONDS = 86_400.0

Kind = Literal["warning", "quality", "cut", "lost", "refused"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened to a channel's encoder.

    Fields:
        kind: "warning": it goes on; "quality": likewise, with fewer qualities; "cut": it was cut
            off; "lost": it went away; "refused": it was not let in.
        code: stable word for programs ("bitrate", "already_live").
        words: what happened and what to do.
        at: when, UTC.
    """

    kind: Kind
    code: str
    words: Sentence
    at: datetime


class Notices:
    """The last notice of each channel. Publishes `EncoderNoticed`."""

    def __init__(self, clock: Clock, events: Events) -> None:
        self._clock = clock
        self._events = events
        self._last: OrderedDict[int, Notice] = OrderedDict()

    def put(self, channel: ChannelRef, kind: Kind, code: str, words: Sentence) -> None:
        """Something happened; it replaces what was there."""
        self._last[channel.id] = Notice(kind, code, words, utc_now(self._clock))
        self._last.move_to_end(channel.id)
        if len(self._last) > MAX_CHANNELS:
            self._last.popitem(last=False)
        self._tell(channel)

    def clear(self, channel: ChannelRef, kind: Kind | None = None, code: str | None = None) -> None:
        """It is over, if it is of that kind and has that code (None: any)."""
        found = self._last.get(channel.id)
        if found is None or kind not in (None, found.kind) or code not in (None, found.code):
            return
        del self._last[channel.id]
        self._tell(channel)

    def last(self, channel_id: int) -> Notice | None:
        """What its creator has to know; None when there is nothing, or it is a day old."""
        found = self._last.get(channel_id)
        if found is None or self._clock.time() - found.at.timestamp() > KEPT_SECONDS:
            return None
        return found

    def _tell(self, channel: ChannelRef) -> None:
        self._events.publish(EncoderNoticed(channel_id=channel.id, name=channel.name))
