"""The section `[limits]`: what creators may take of the site's bandwidth, time and disk."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from metropole_core.config import amounts


class LimitsConfig(BaseModel):
    """What creators may take. 0 is no limit. Those of one channel: `metropole channel limits`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bitrate: Annotated[int, BeforeValidator(amounts.bitrate)] = Field(
        default=0,
        title="Bitrate of a stream",
        description='bit/s, also "8M": picture and sound together, averaged over 10 s. 10 % more '
        "are let pass, then the creator is warned, and after 10 s more cut off.",
    )
    height: Annotated[int, BeforeValidator(amounts.height)] = Field(
        default=0,
        title="Resolution of a stream",
        description='Pixels of the shorter side, also "1080p". A larger picture is refused before '
        "anyone sees it.",
    )
    duration: Annotated[int, BeforeValidator(amounts.seconds)] = Field(
        default=0,
        title="Duration of a broadcast",
        description='Seconds, also "4h". The creator is told 10 and 1 minutes before; then the '
        "broadcast ends, and the key is refused for 5 minutes.",
    )
    streams: int = Field(
        default=100,
        ge=0,
        le=100_000,
        title="Streams at a time",
        description="Channels that may be on air at the same time. One whose encoder comes back "
        "keeps its place.",
    )
    streams_per_user: int = Field(
        default=0,
        ge=0,
        le=100_000,
        title="Streams of one account at a time",
        description="Channels of one owner that may be on air at the same time.",
    )
    total_bitrate: Annotated[int, BeforeValidator(amounts.bitrate)] = Field(
        default=0,
        title="Bitrate of all streams",
        description='bit/s, also "1G": what all encoders together may send. When it is reached, '
        "nobody else may begin; when it is passed, the last who came is cut off.",
    )
    storage: Annotated[int, BeforeValidator(amounts.octets)] = Field(
        default=0,
        title="Storage of a channel",
        description='Octets, also "20M": what the pictures of one channel may take.',
    )
    total_storage: Annotated[int, BeforeValidator(amounts.octets)] = Field(
        default=0,
        title="Storage of all channels",
        description='Octets, also "10G": what all files that were sent to the site may take.',
    )
    chat_history: int = Field(
        default=100_000,
        ge=0,
        title="Chat history of a channel",
        description="Messages that are kept of each room; older ones are deleted for good, in "
        "small steps, at the latest a quarter of an hour later on a site of usual size.",
    )
