"""What the operator can set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_ARGUMENTS = 64
MAX_LENGTH = 200
OURS = frozenset({
    "-i", "-f", "-y", "-n", "-map", "-filter_complex", "-lavfi", "-vf", "-filter", "-c",
    "-codec", "-movflags", "-copyts", "-progress", "-report", "-force_key_frames", "-fps_mode",
    "-vsync", "-enc_time_base", "-video_track_timescale", "-attach", "-dump_attachment",
    "-passlogfile", "-sdp_file", "-init_hw_device", "-filter_hw_device", "-bf", "-r", "-t",
    "-to", "-ss", "-fs", "-frames", "-bsf", "-tag",
})  # fmt: skip
"""Arguments that must be as this plugin sets them, or that make ffmpeg write elsewhere."""


class FfmpegSettings(BaseModel):
    """Settings of the ffmpeg transcoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program: str = Field(
        "ffmpeg",
        min_length=1,
        max_length=1000,
        title="Program",
        description="The ffmpeg program: a name on the PATH, or a path. 5.1 or newer.",
    )
    backend: Literal["auto", "vaapi", "qsv", "software"] = Field(
        "auto",
        title="Hardware",
        description="What encodes. auto takes VAAPI or Quick Sync, whichever works; software is "
        "x264 and x265 of that program, on the processor.",
    )
    device: str = Field(
        "/dev/dri/renderD128",
        pattern=r"^/[\w./-]{1,200}$",
        title="Graphics device",
        description="The device of VAAPI and Quick Sync.",
    )
    codecs: tuple[Literal["h264", "hevc"], ...] = Field(
        ("h264",),
        min_length=1,
        max_length=2,
        title="Codecs",
        description="What may be made, as far as the hardware can.",
    )
    max_jobs: int = Field(
        8,
        ge=1,
        le=100,
        title="Streams",
        description="Most streams that are encoded at the same time.",
    )
    memory_mb: int = Field(
        2048,
        ge=128,
        le=65_536,
        title="Memory",
        description="RAM that each ffmpeg process may take, in MB; one that takes more is ended.",
    )
    niceness: int = Field(
        10,
        ge=0,
        le=19,
        title="Niceness",
        description="How much ffmpeg gives way to everything else; 0 not at all.",
    )
    preset: str = Field(
        "veryfast",
        pattern=r"^[a-z]{4,20}$",
        title="Preset",
        description="Of x264 and x265, with the backend software.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=64,
        title="Threads",
        description="For each encoder, with the backend software.",
    )
    extra_arguments: tuple[str, ...] = Field(
        (),
        max_length=MAX_ARGUMENTS,
        title="Further arguments",
        description="Options of the encoder, put behind ours for each quality: "
        '["-low_power", "1"].',
    )

    @field_validator("extra_arguments")
    @classmethod
    def _check_arguments(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not 0 < len(each) <= MAX_LENGTH or not each.isprintable() for each in value):
            raise ValueError(f"an argument has 1 to {MAX_LENGTH} printable characters")
        if len(value) % 2:
            raise ValueError("each option needs a value behind it")
        for option in value[::2]:
            # What is no option would be a file that ffmpeg writes.
            if not option.startswith("-"):
                raise ValueError(f"{option!r} is no option: one begins with a hyphen")
            if option.split(":")[0] in OURS:
                raise ValueError(f"{option} is set by the plugin itself")
        return value
