"""What the operator can set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Codec = Literal["h264", "hevc", "av1"]


class NvencSettings(BaseModel):
    """Settings of the NVENC transcoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu: int = Field(
        0,
        ge=0,
        le=63,
        title="Graphics card",
        description="Number of the card, as nvidia-smi shows it.",
    )
    codecs: tuple[Codec, ...] = Field(
        ("h264", "hevc"),
        min_length=1,
        max_length=3,
        title="Codecs",
        description="What may be made, as far as the card can: h264, hevc, av1.",
    )
    preset: Literal["p1", "p2", "p3", "p4", "p5", "p6", "p7"] = Field(
        "p4",
        title="Preset",
        description="How much work each picture is worth: p1 is the quickest, p7 looks best.",
    )
    tune: Literal["ll", "ull"] = Field(
        "ll",
        title="Latency",
        description="ll: low latency; ull: the lowest, at some cost of quality.",
    )
    max_sessions: int = Field(
        8,
        ge=1,
        le=1000,
        title="Sessions",
        description="Most qualities that are encoded at the same time, of all streams together. "
        "Drivers allow GeForce cards 8 (older ones 5 or 3); Quadro and data centre cards have no "
        "such limit.",
    )
    decode: bool = Field(
        True,
        title="Decode on the card",
        description="Decode H.264, HEVC and VP9 on the card, instead of on the processor.",
    )
    memory_mb: int = Field(
        3072,
        ge=512,
        le=65_536,
        title="Memory of a stream's worker (MB)",
        description="RAM that the worker of one stream may take; one that takes more is ended.",
    )
