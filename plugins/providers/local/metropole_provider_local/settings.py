"""What the operator can set."""

from __future__ import annotations

import ipaddress

from pydantic import BaseModel, ConfigDict, Field, field_validator

from metropole_media.bind import split_bind

SETTING = "`bind` of [plugin.provider_local], or METROPOLE_PLUGIN__PROVIDER_LOCAL__BIND"
"""How an operator finds the setting of the media port."""


class LocalSettings(BaseModel):
    """Settings of the local provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bind: str = Field(
        "127.0.0.1:8001",
        title="Media address",
        description="Address and port that players fetch from. 0.0.0.0:8001 serves them from "
        "everywhere, [::]:8001 over IPv6 as well.",
    )
    max_connections: int = Field(
        10_000,
        ge=1,
        le=100_000,
        title="Connections",
        description="Most connections of players at the same time; a player holds one or two.",
    )
    max_per_address: int = Field(
        200,
        ge=1,
        le=100_000,
        title="Connections of one address",
        description="Most connections of one IP address (IPv6: one /64). Many people may share "
        "one behind a router.",
    )
    max_waiters: int = Field(
        10_000,
        ge=1,
        le=100_000,
        title="Waiting requests",
        description="Most requests that may wait for the next piece of a stream at the same time.",
    )
    uncapped: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        max_length=64,
        title="Networks without a cap",
        description="Networks (CIDR) that the cap for one address is not for: your reverse proxy.",
    )

    @field_validator("bind")
    @classmethod
    def _check_bind(cls, value: str) -> str:
        split_bind(value)
        return value

    @field_validator("uncapped")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value
