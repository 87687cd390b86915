"""Who may stream: what was decided about the account, else the site's setting."""

from __future__ import annotations

from collections.abc import Sequence

from metropole_core.accounts.model import AccountState, User
from metropole_core.accounts.store import AccountStore
from metropole_core.config.people import Streaming
from metropole_core.db.connection import Database
from metropole_core.text import N_

BLOCKED = N_("This account is blocked. Ask the operator of this site.")
WAITING = N_("This account waits until an administrator lets it in.")
NOT_GRANTED = N_(
    "The operator of this site decides who streams. Ask them for the right to go live."
)


class StreamRights:
    """Answers for pages, and for the door of the encoders."""

    def __init__(self, db: Database, streaming: Streaming) -> None:
        self._streaming = streaming
        self._accounts = AccountStore(db)

    def why_not(self, user: User) -> str | None:
        """A sentence for who may not stream; None for who may. Administrators always may."""
        if user.state is AccountState.BLOCKED:
            return BLOCKED
        if user.state is AccountState.PENDING:
            return WAITING
        granted = user.may_stream if user.may_stream is not None else self._streaming == "everyone"
        return None if granted or user.is_admin else NOT_GRANTED

    async def why_not_by_id(self, user_id: int) -> str | None:
        """The same of an account's id; who does not exist may not."""
        user = await self._accounts.by_id(user_id)
        return self.why_not(user) if user is not None else BLOCKED

    async def lost(self, channel_ids: Sequence[int]) -> dict[int, str]:
        """Of these channels, whose owner may not stream: channel to sentence."""
        if not channel_ids:
            return {}
        owners = await self._accounts.owners_of(channel_ids)
        found = {channel: self.why_not(user) for channel, user in owners.items()}
        return {channel: sentence for channel, sentence in found.items() if sentence is not None}
