"""The table [media_fallback]: players that cannot reach the media port."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MediaFallbackConfig(BaseModel):
    """Media through the site's own port, for those who cannot reach the media port."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    enabled: bool = Field(
        default=True,
        title="Media through the site's port",
        description="Players that cannot reach the media port fetch from the site's own port.",
    )
    max_viewers: int = Field(
        default=50,
        ge=1,
        le=100_000,
        title="Viewers through the site's port",
        description="Most viewers who play that way at the same time; each costs more than ten "
        "times the CPU of one at the media port. More are told that there is no room.",
    )
    max_waiting: int = Field(
        default=30,
        ge=0,
        le=100_000,
        title="Waiting requests at the site's port",
        description="Most requests of theirs that wait for the next piece of a stream at the same "
        "time. More are answered at once with what there is, and those viewers are further behind.",
    )
