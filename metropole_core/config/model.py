"""The settings of the site, each with its default, bounds and description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from metropole_core.config import values
from metropole_core.config.limits import LimitsConfig
from metropole_core.config.media_fallback import MediaFallbackConfig
from metropole_core.config.origin import Origin, Place
from metropole_core.config.people import Registration, Streaming
from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.latency import Latency


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PluginsConfig(Table):
    """Which plugins take part. Names are those of `metropole plugins`."""

    enabled: list[str] = Field(
        default=[],
        title="Enabled plugins",
        description="Plugins of other people's distributions that are loaded. Those of the "
        "metropole project are loaded unless disabled.",
    )
    disabled: list[str] = Field(
        default=[], title="Disabled plugins", description="Installed, but not loaded."
    )


def default_key_file(data: dict[str, Any]) -> Path:
    return Path(data.get("data_dir", "data")) / "site.key"


def default_database(data: dict[str, Any]) -> str:
    return f"sqlite:///{Path(data.get('data_dir', 'data')) / 'metropole.sqlite3'}"


class SiteConfig(Table):
    """The site's settings."""

    name: str = Field(
        default="Metropole",
        min_length=1,
        max_length=60,
        title="Name of the site",
        description="Stands in the header and in page titles.",
    )
    public_url: Annotated[str, AfterValidator(values.site_url)] = Field(
        default="http://127.0.0.1:8000",
        title="Address of the site",
        description="As people type it into the browser.",
    )
    media_url: Annotated[str, AfterValidator(values.web_url)] | None = Field(
        default=None,
        title="Address of the media port",
        description="As players reach it. Left out: the host of `public_url` with the port.",
    )
    rtmp_url: Annotated[str, AfterValidator(values.rtmp_url)] | None = Field(
        default=None,
        title="Address of the RTMP server",
        description="As encoders reach it. Left out: the host of `public_url` with the port.",
    )
    bind: Annotated[str, AfterValidator(values.bind)] = Field(
        default="127.0.0.1:8000",
        title="Address to listen on",
        description="Address and port of pages, API and WebSocket.",
    )
    data_dir: Path = Field(
        default=Path("data"),
        title="Data folder",
        description="Pictures and, by default, database and key file. Relative to this file.",
    )
    key_file: Path = Field(
        default_factory=default_key_file,
        title="Key file",
        description="Secrets of the site, made by `metropole init`, mode 0600.",
    )
    database: Annotated[str, AfterValidator(values.database_url)] = Field(
        default_factory=default_database,
        repr=False,
        title="Database",
        description='"sqlite:///path" or "mysql://user:password@host/name".',
    )
    auto_upgrade: bool = Field(
        default=False,
        title="Upgrade the database at start",
        description="Otherwise a start with an older database is refused.",
    )
    theme: str | None = Field(
        default=None,
        title="Theme",
        description="Left out: the one that is installed, `default` when there are several.",
    )
    default_provider: str | None = Field(
        default=None,
        title="Default provider",
        description="Hosts the streams of channels that chose none. Left out: the first by name.",
    )
    certificate: Path | None = Field(
        default=None,
        title="TLS certificate",
        description="PEM file with the certificate and its chain, for HTTPS without a web server "
        "in front. Read again when it changes. Relative to this file.",
    )
    certificate_key: Path | None = Field(
        default=None,
        title="Key of the certificate",
        description="PEM file without a password.",
    )
    trusted_proxies: Annotated[list[str], AfterValidator(values.networks)] = Field(
        default=[],
        title="Trusted proxies",
        description="Networks whose X-Forwarded-For is believed.",
    )
    registration: Registration = Field(
        default="open",
        title="Who may make an account",
        description='"open": everyone. "invitation": who has a code. "approval": everyone may ask, '
        'an administrator decides. "closed": nobody.',
    )
    streaming: Streaming = Field(
        default="everyone",
        title="Who may stream",
        description='"everyone" who has an account, or "granted": only whom an administrator gave '
        "the right. Administrators always may.",
    )
    channels_per_account: int = Field(
        default=5,
        ge=1,
        le=1000,
        title="Channels of one account",
        description="How many channels one account may own.",
    )
    reconnect_window: float = Field(
        default=30.0,
        ge=0,
        le=600,
        title="Reconnect window",
        description="Seconds in which an encoder may come back to the same broadcast.",
    )
    latency: Latency = Field(
        default=Latency.LOW,
        title="Latency",
        description='How far behind viewers are, on channels whose creator chose nothing: "normal" '
        '(seconds of reserve), "low" or "ultra_low" (a good line, and twice the requests).',
    )
    max_connections: int = Field(
        default=10_000,
        ge=10,
        title="Connections",
        description="Open connections of the site port; more are closed at once.",
    )
    limits: LimitsConfig = Field(
        default=LimitsConfig(),
        title="Limits",
        description="What creators may take of bandwidth, time and disk: [limits].",
    )
    media_fallback: MediaFallbackConfig = Field(
        default=MediaFallbackConfig(),
        title="Media through the site's port",
        description="For players that cannot reach the media port: [media_fallback].",
    )
    transcoding: TranscodingConfig = Field(
        default=TranscodingConfig(),
        title="Further qualities",
        description="Which qualities streams get beside the one that is sent: [transcoding].",
    )
    plugins: PluginsConfig = Field(default=PluginsConfig(), title="Plugins")
    plugin: dict[str, dict[str, Any]] = Field(
        default={},
        repr=False,
        title="Settings of plugins",
        description="One table a plugin: [plugin.ingest_rtmp].",
    )

    _places: dict[str, Place] = PrivateAttr(default_factory=dict)
    _from_env: dict[str, frozenset[str]] = PrivateAttr(default_factory=dict)

    def place(self, setting: str) -> Place:
        """Where a setting came from, by its dotted name ("limits.bitrate"); a plugin's is
        "plugin.ingest_rtmp.bind". What stands in none of the places is a default."""
        return self._places.get(setting, Place(Origin.DEFAULT))

    def from_environment(self, plugin: str) -> frozenset[str]:
        """Names of that plugin's settings that the environment gave."""
        return self._from_env.get(plugin, frozenset())
