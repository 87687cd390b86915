"""What the operator can set."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from metropole_media.bind import split_bind


class RtmpSettings(BaseModel):
    """Settings of the RTMP ingest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bind: str = Field(
        "127.0.0.1:1935",
        title="Address",
        description="Address and port that encoders connect to. 0.0.0.0:1935 takes them from "
        "everywhere, [::]:1935 over IPv6 as well.",
    )
    tls_bind: str = Field(
        "",
        title="Address of RTMPS",
        description="Address and port that encoders connect to with encryption, such as "
        "0.0.0.0:1936. Left out: RTMPS is off.",
    )
    certificate: Path | None = Field(
        None,
        title="TLS certificate of RTMPS",
        description="PEM file with the certificate and its chain. Read again when it changes. "
        "Left out: that of the site.",
    )
    certificate_key: Path | None = Field(
        None,
        title="Key of the certificate",
        description="PEM file without a password.",
    )
    max_connections: int = Field(
        256,
        ge=1,
        le=10_000,
        title="Connections",
        description="Most encoders that may be connected at the same time.",
    )
    max_per_address: int = Field(
        16,
        ge=1,
        le=10_000,
        title="Connections of one address",
        description="Most encoders that may be connected from one IP address (IPv6: one /64).",
    )
    silence_seconds: float = Field(
        30.0,
        ge=1,
        le=600,
        title="Silence",
        description="Seconds after which an encoder that sends nothing is disconnected.",
    )
    before_grant_seconds: float = Field(
        10.0,
        ge=0.5,
        le=60,
        title="Time to ask",
        description="Seconds that an encoder may take until it has said its stream key.",
    )

    @field_validator("bind")
    @classmethod
    def _check_bind(cls, value: str) -> str:
        split_bind(value)
        return value

    @field_validator("tls_bind")
    @classmethod
    def _check_tls_bind(cls, value: str) -> str:
        if value:
            split_bind(value)
        return value

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key must both be set, or neither")
        return self
