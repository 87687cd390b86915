"""Puts a configuration together for a channel."""

from __future__ import annotations

import html
import secrets
from collections.abc import Iterable

from metropole_core.contracts.ingest import IngressPoint
from metropole_core.limits.model import Limits
from metropole_core.obs import answer, wish
from metropole_core.obs.answer import Answer, Bounds, Picture

PROTOCOLS = ("RTMP", "RTMPS")
MAX_SIDE = 16_384
MAX_RATE = 240
MAX_DENOMINATOR = 1_000_000


class NoAnswer(ValueError):
    """There is no configuration; the message is a sentence for the person at OBS."""


def for_request(
    request: wish.Request, points: Iterable[IngressPoint], limits: Limits, service: str
) -> Answer:
    """What OBS asked for.

    Raises:
        NoAnswer: this site takes nothing from OBS, or the picture makes no sense.
    """
    kind = wish.encoder_of(request)
    canvas, wishes = request.canvas, request.preferences
    tracks = answer.tracks_for(
        kind, wishes.maximum_video_tracks, request.capabilities.cpu.logical_cores
    )
    picture = Picture(
        canvas.width, canvas.height, canvas.framerate.numerator, canvas.framerate.denominator
    )
    return make(
        picture,
        kind,
        points,
        limits,
        service,
        tracks=tracks,
        kbit=wishes.maximum_aggregate_bitrate or 0,
        channels=wishes.audio_channels or 2,
        vod=bool(wishes.vod_track_audio),
    )


def make(
    picture: Picture,
    kind: str,
    points: Iterable[IngressPoint],
    limits: Limits,
    service: str,
    *,
    tracks: int = answer.USUAL_TRACKS,
    kbit: float = 0,
    channels: int = 2,
    vod: bool = False,
) -> Answer:
    """A configuration.

    Arguments:
        kind: name of an encoder in `answer.ENCODERS`.
        points: where encoders connect.
        limits: of the channel.
        service: name of the site.
        kbit: what all tracks together may take as OBS is set, 0 for no bound.

    Raises:
        NoAnswer: as `for_request`.
    """
    sides = (picture.width, picture.height)
    # JSON knows no bound for a number; a fraction of floats does.
    fraction = (
        0 < picture.denominator <= MAX_DENOMINATOR
        and 0 < picture.numerator <= MAX_DENOMINATOR * MAX_RATE
    )
    sensible = fraction and 1 <= picture.frame_rate <= MAX_RATE
    if not sensible or not all(16 <= side <= MAX_SIDE for side in sides):
        raise NoAnswer("OBS asked for a picture that makes no sense.")
    endpoints = [
        answer.Endpoint(point.protocol.upper(), f"{point.url.rstrip('/')}/{{stream_key}}")
        for point in points
        if point.protocol.upper() in PROTOCOLS
    ]
    if not endpoints:
        raise NoAnswer("This site takes no RTMP.")
    allowed = [bound for bound in (kbit, limits.bitrate / 1000) if bound > 0]
    bounds = Bounds(tracks, min(allowed, default=0), limits.height)
    return Answer(
        answer.Meta(service, answer.SCHEMA, secrets.token_hex(8)),
        answer.Status("success"),
        endpoints,
        answer.encoders(picture, answer.ENCODERS[kind], bounds),
        answer.audio(min(max(channels, 1), 8), vod),
    )


def refusal(service: str, sentence: str) -> dict[str, object]:
    """What makes OBS show a sentence and stop."""
    return {
        "meta": {"service": service, "schema_version": answer.SCHEMA, "config_id": "none"},
        "status": {"result": "error", "html_en_us": html.escape(sentence)},
    }
