"""What the operator can set."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ThumbnailSettings(BaseModel):
    """Settings of the live thumbnails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_seconds: float = Field(
        10.0,
        ge=10,
        le=3600,
        title="How often",
        description="Seconds between two pictures of a stream. Each takes one key frame, decoded "
        "outside of the site's process with low priority.",
    )
    width: int = Field(
        854,
        ge=160,
        le=1920,
        title="Width",
        description="Pixels. Pictures of smaller streams stay as they are.",
    )
    quality: int = Field(
        72,
        ge=10,
        le=100,
        title="Quality",
        description="Of the WebP encoder. 72 makes some 30 kB of a usual picture.",
    )
    memory_mib: int = Field(
        2048,
        ge=256,
        le=16_384,
        title="Memory",
        description="MiB that decoding may take. A key frame of 8K needs about 700.",
    )
