"""Looks at a channel that is on air: what arrives, and is it good?

It asks the running site as a program of its own, and follows the stream as a player does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from metropole_cli.checks import web
from metropole_cli.checks.look import Found
from metropole_cli.checks.port import local_url
from metropole_cli.stream.judge import judge
from metropole_cli.stream.watch import SECONDS, WatchError, watch
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

HLS = "application/vnd.apple.mpegurl"


def examine(config: SiteConfig, name: str, seconds: float = SECONDS) -> list[Found]:
    """Look at a channel for that many seconds."""
    group = f"Channel {name}"
    return [Found(group, finding) for finding in _examine(config, name, seconds)]


def _examine(config: SiteConfig, name: str, seconds: float) -> Sequence[Finding]:
    subject = "Stream"
    answer = web.ask(f"{local_url(config)}/api/v1/channels/{quote(name, safe='')}", verify=False)
    if not answer.status:
        return [
            Finding(
                Level.ERROR,
                subject,
                f"no site runs on {config.bind} ({answer.why})",
                "Start it: metropole serve",
                "site_down",
            )
        ]
    try:
        channel = json.loads(answer.body)
    except ValueError:
        channel = {}
    if answer.status == 404 and channel.get("error", {}).get("code") == "no_channel":
        sentence, advice = f"there is no channel {name}", "Names are those of the pages' addresses."
        return [Finding(Level.ERROR, subject, sentence, advice, "no_channel")]
    state = channel.get("status", {}).get("state")
    if answer.status != 200 or state is None:
        sentence = f"what runs on {config.bind} is no Metropole of this release ({answer.status})"
        return [Finding(Level.ERROR, subject, sentence, "Look with: metropole doctor", "site_odd")]
    if state in ("offline", "connecting"):
        return _nothing(config, name, state)
    source = _source(channel)
    if source is None:
        sentence = "it is on air, but nothing that plays here can be followed"
        advice = "Its provider may be elsewhere, or no egress is installed: metropole plugins"
        return [Finding(Level.ERROR, subject, sentence, advice, "stream_no_source")]
    try:
        seen = watch(source["url"], seconds, int(source.get("latency_ms", 0)))
    except WatchError as error:
        advice = "Look at the media port with: metropole doctor"
        return [Finding(Level.ERROR, subject, str(error), advice, "stream_unreachable")]
    first = Finding(
        Level.OK, subject, f"{state}; {seen.seconds:.0f} s of it were looked at", code="stream"
    )
    if state == "interrupted":
        first = Finding(
            Level.WARNING,
            subject,
            "the encoder has gone; viewers keep the page until the reconnect window ends",
            "Is it still streaming? OBS reconnects by itself when it can.",
            "stream_interrupted",
        )
    return [first, *judge(seen)]


def _source(channel: dict[str, Any]) -> dict[str, Any] | None:
    return next(
        (each for each in channel.get("playback", []) if each.get("mime_type") == HLS), None
    )


def _nothing(config: SiteConfig, name: str, state: str) -> list[Finding]:
    """Nothing arrives: what to look at, in order."""
    if state == "connecting":
        return [
            Finding(
                Level.ERROR,
                "Stream",
                "an encoder is connected, but nothing that can be played has come yet",
                "Wait some seconds. If it stays so: choose H.264 and AAC, and a keyframe interval "
                "of 2 s (in OBS: Settings > Output).",
                "stream_connecting",
            )
        ]
    servers = _servers(config, name) or ["(no ingest works: metropole doctor)"]
    return [
        Finding(Level.ERROR, "Stream", "nothing arrives", "Look at these in order:", "stream_none"),
        Finding(
            Level.WARNING,
            "1. Server",
            f"the encoder must be set to {' or '.join(servers)}",
            "In OBS: Settings > Stream > Service: Custom..., and paste it as the server.",
            "stream_none_server",
        ),
        Finding(
            Level.WARNING,
            "2. Key",
            "it must be the one of this channel; one that was replaced is refused",
            f"Copy it anew from the page Go live: {config.public_url}/dashboard",
            "stream_none_key",
        ),
        Finding(
            Level.WARNING,
            "3. Way",
            "the port must be reachable from the encoder's machine",
            "Look with `metropole doctor`; from there, try: nc -vz HOST PORT",
            "stream_none_way",
        ),
    ]


def _servers(config: SiteConfig, name: str) -> list[str]:
    """Where this channel's encoder can connect."""
    import asyncio

    from metropole_core.errors import MetropoleError
    from metropole_core.site import Site

    async def look() -> list[str]:
        async with Site.offline(config) as site:
            channel = await site.channels.by_name(name)
            provider = site.registry.provider_for(channel.provider) if channel else None
            if channel is None or provider is None:
                return []
            return [point.url for point in provider.ingress_points(channel.ref)]

    try:
        return asyncio.run(look())
    except MetropoleError:
        return []
