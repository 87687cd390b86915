"""Live status and broadcasts in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from metropole_core.channels.store import latency_of
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.events import LiveState
from metropole_core.contracts.latency import Latency
from metropole_core.db import tables

if TYPE_CHECKING:
    from metropole_core.db.connection import Database


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """A channel's live status as it was last written.

    Fields:
        channel: whose status it is.
        state: where the machine was.
        broadcast_id, provider, started_at: of the running broadcast, None when there is none.
        session: the publisher's stay.
        playback_id: of the running broadcast, None when its provider needed none.
        latency: the creator's choice, None for the site's setting.
    """

    channel: ChannelRef
    state: LiveState
    broadcast_id: int | None
    provider: str | None
    session: str | None
    started_at: datetime | None
    playback_id: str | None
    latency: Latency | None = None


class StreamStore:
    """The tables `live_status` and `broadcasts`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def running(self) -> list[StoredStatus]:
        """Every channel that was not offline."""
        status, channels, broadcasts = tables.live_status, tables.channels, tables.broadcasts
        rows = await self._db.fetch_all(
            sa.select(
                status.c.channel_id,
                channels.c.name,
                channels.c.owner_id,
                status.c.state,
                status.c.broadcast_id,
                broadcasts.c.provider,
                status.c.session,
                status.c.started_at,
                broadcasts.c.playback_id,
                channels.c.latency,
            )
            .select_from(
                status.join(channels, channels.c.id == status.c.channel_id).outerjoin(
                    broadcasts, broadcasts.c.id == status.c.broadcast_id
                )
            )
            .where(status.c.state != LiveState.OFFLINE.value)
        )
        return [
            StoredStatus(
                ChannelRef(*row[:3]),
                LiveState(row[3]),
                *(row[4], row[5], row[6], row[7], row[8]),
                latency_of(row[9]),
            )
            for row in rows
        ]

    async def save(
        self,
        channel_id: int,
        state: LiveState,
        *,
        broadcast_id: int | None,
        session: str | None,
        changed_at: datetime,
        started_at: datetime | None,
    ) -> None:
        """Write where a channel is."""
        table = tables.live_status
        values = {
            "state": state.value,
            "broadcast_id": broadcast_id,
            "session": session,
            "changed_at": changed_at,
            "started_at": started_at,
        }

        async def write() -> None:
            changed = await self._db.execute(
                table.update().where(table.c.channel_id == channel_id).values(**values)
            )
            if not changed:
                await self._db.execute(table.insert().values(channel_id=channel_id, **values))

        await self._db.in_transaction(write)

    async def begin(
        self,
        channel_id: int,
        *,
        provider: str,
        title: str,
        started_at: datetime,
        playback_id: str | None,
    ) -> int:
        """A broadcast begins; its id."""
        return await self._db.execute(
            tables.broadcasts.insert().values(
                channel_id=channel_id,
                provider=provider,
                title=title,
                started_at=started_at,
                playback_id=playback_id,
            )
        )

    async def finish(self, broadcast_id: int, ended_at: datetime, peak_viewers: int) -> None:
        """A broadcast is over."""
        table = tables.broadcasts
        await self._db.execute(
            table.update()
            .where(table.c.id == broadcast_id)
            .values(ended_at=ended_at, peak_viewers=peak_viewers)
        )

    async def finish_others(self, running: list[int], ended_at: datetime) -> int:
        """End every open broadcast but these: what a crash left open. Returns how many."""
        table = tables.broadcasts
        return await self._db.execute(
            table.update()
            .where(table.c.ended_at.is_(None), table.c.id.not_in(running))
            .values(ended_at=ended_at)
        )
