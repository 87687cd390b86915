"""The section `[transcoding]`: which qualities streams get beside the one that is sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from metropole_core.config import presets as rungs


class TranscodingConfig(BaseModel):
    """Further qualities of streams."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    enabled: bool = Field(
        default=True,
        title="Further qualities",
        description="Make smaller qualities of what is streamed, as far as the machine can.",
    )
    transcoder: str = Field(
        default="",
        title="Transcoder",
        description='Name of the one that is used ("nvenc"). Left out: what works here, hardware '
        "first; if it fails, the next.",
    )
    ladder: str = Field(
        default="",
        title="Ladder policy",
        description='What decides which qualities a stream gets ("standard"). Left out: the one '
        "named like the transcoder, if there is one, else the built-in one.",
    )
    presets: Annotated[
        list[str | dict[str, Any]],
        BeforeValidator(rungs.split),
        AfterValidator(rungs.check),
    ] = Field(
        default=list(rungs.USUAL),
        title="Qualities",
        description="Which there may be: names (4320p, 2160p, 1440p, 1080p, 720p, 480p, 360p, "
        'audio) or tables such as {name = "540p", height = 540, frame_rate = 30, bitrate = '
        '"1.8M"}. Only smaller ones than the source are made, and no more than the machine can.',
    )
    reserve: float = Field(
        default=0.2,
        ge=0,
        le=0.9,
        title="Reserve",
        description="Part of what the transcoder can encode that is left free.",
    )
