"""The last messages of a room that has people in it, so that coming in costs no query."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from metropole_core.chat.messages import Message

KEPT = 50
"""Messages shown to one who comes in."""
DELETED_KEPT = 200
"""Deletions told to one who comes back."""


class Recent:
    """Filled from the database once; what is said or deleted meanwhile is not lost."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=KEPT)
        self._deleted: deque[str] = deque(maxlen=DELETED_KEPT)

    def fill(self, messages: Iterable[Message], deleted: Iterable[str]) -> None:
        """Take what the database had, oldest first, besides what has come since the question."""
        since = list(self._messages)
        gone = [*deleted, *self._deleted]
        self._deleted.clear()
        self._deleted.extend(dict.fromkeys(gone))
        known = {message.id for message in since}
        hidden = set(gone)
        older = [m for m in messages if m.id not in known and m.id not in hidden]
        self._messages.clear()
        self._messages.extend(older + since)

    def add(self, message: Message) -> None:
        """It was said."""
        self._messages.append(message)

    def delete(self, message_id: str) -> None:
        """It was deleted."""
        self._deleted.append(message_id)
        for message in self._messages:
            if message.id == message_id:
                self._messages.remove(message)
                return

    def after(self, message_id: str | None) -> list[Message]:
        """What came after that message; everything when it is None or long ago."""
        found = list(self._messages)
        for index, message in enumerate(found):
            if message.id == message_id:
                return found[index + 1 :]
        # Not among them: deleted, or older than all that is kept.
        return [m for m in found if m.id > message_id] if message_id is not None else found

    def deleted(self) -> list[str]:
        """Ids of messages that were deleted lately."""
        return list(self._deleted)
