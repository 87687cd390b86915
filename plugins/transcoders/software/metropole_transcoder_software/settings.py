"""What the operator can set, section [plugins.transcoder_software] of metropole.toml."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Codec = Literal["h264", "hevc", "av1"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"]
MAX_CORES = 1024


class SoftwareSettings(BaseModel):
    """Renditions in software. See also: README of this plugin, with measured costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codec: Codec = Field(
        "h264",
        title="Codec",
        description="What renditions are encoded as: h264 (x264; every player), hevc (x265; Safari "
        "and few others) or av1 (SVT-AV1; recent browsers). HEVC costs about five times as much "
        "as H.264, AV1 a quarter more.",
    )
    preset: Preset = Field(
        "superfast",
        title="Preset",
        description="How much work each picture is worth: ultrafast, superfast, veryfast, faster, "
        "fast or medium. veryfast looks a little better at the same bitrate and costs half as "
        "much again.",
    )
    cores: int = Field(
        0,
        ge=0,
        le=MAX_CORES,
        title="Processor cores",
        description="How many cores renditions may keep busy; 0 for all but one, which is left to "
        "the site.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=64,
        title="Threads of an encoder",
        description="For each rendition; 0 for one, and more where one is too slow (above about "
        "1080p at 30 frames a second).",
    )
    memory_mb: int = Field(
        2048,
        ge=128,
        le=65_536,
        title="Memory of a stream's worker (MB)",
        description="The renditions of one stream are made by one process. When it takes more "
        "than this, it is ended. A 1080p stream needs about 100 MB, a 2160p stream about 250 MB.",
    )

    @property
    def usable_cores(self) -> int:
        """How many cores may be kept busy; at least one, and never more than there are."""
        present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        return max(1, min(self.cores or present - 1, present))
