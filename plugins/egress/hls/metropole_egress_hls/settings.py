"""What the operator can set."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from metropole_egress_hls.memory import LEAST


class HlsSettings(BaseModel):
    """Settings of the HLS egress."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part_ms: int = Field(
        200,
        ge=50,
        le=1000,
        title="Part",
        description="Milliseconds of a part at low latency. Shorter parts mean less delay and more "
        "requests: each viewer makes two for every part. At ultra-low latency a part has at most "
        "100 ms, at normal latency at least 1000 ms.",
    )
    window_segments: int = Field(
        12,
        ge=4,
        le=200,
        title="Segments",
        description="Segments that the playlist holds at least.",
    )
    window_seconds: float = Field(
        30.0,
        ge=6,
        le=600,
        title="Window",
        description="Seconds that the playlist holds at least. Viewers can rewind so far.",
    )
    linger_seconds: float = Field(
        20.0,
        ge=5,
        le=120,
        title="Afterwards",
        description="Seconds that a segment can still be fetched after it left the playlist.",
    )
    memory_mib: int = Field(
        256,
        ge=16,
        le=16_384,
        title="Memory",
        description="MiB of memory for one stream. When it runs short, viewers can rewind less.",
    )
    memory_total_mib: int = Field(
        0,
        ge=0,
        le=1_048_576,
        title="Memory of all streams",
        description="MiB of memory for all streams together, also those that ended within the "
        "last minute. 0 takes a quarter of the machine's memory (of the container's, in one), at "
        "least 64. When it runs short, viewers can rewind less; every stream keeps an equal share. "
        "What is on its way to viewers comes on top.",
    )

    @field_validator("memory_total_mib")
    @classmethod
    def _enough(cls, value: int) -> int:
        if 0 < value < LEAST // 1024 // 1024:
            raise ValueError("64 MiB are the least that streams can do with, or 0")
        return value
