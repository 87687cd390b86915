"""What this machine can encode, what it does now, and how many viewers a line carries."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from metropole_core.contracts.ladder import Room, Source
from metropole_core.contracts.transcoder import Capability
from metropole_core.transcoding.backends import Backend, share
from metropole_core.transcoding.planner import source_pixels
from metropole_core.transcoding.qualities import QualityState, qualities
from metropole_media import rungs
from metropole_media.ladder import RenditionPlan
from metropole_media.live import Track

if TYPE_CHECKING:
    from metropole_core.transcoding.follower import Follower
    from metropole_core.transcoding.service import TranscodingService

USUAL_SOURCES = ((1920, 1080, 60.0), (1280, 720, 30.0))
ENDLESS = 1e15
MANY = 1000
OVERHEAD = 1.25
"""What a viewer needs of the line beside picture and sound: protocols, retries, the next piece."""
SOUND = 160_000
LINES = (100_000_000, 1_000_000_000, 10_000_000_000)
SOURCE_BITRATE = 6_000_000
"""Of an ordinary source, for the table of viewers."""


class BackendState(str, Enum):
    """Whether a transcoder is used."""

    WORKS = "works"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """It has not been tried yet."""
    UNUSED = "unused"
    """The settings name another one."""


class Rung(msgspec.Struct, frozen=True):
    """A rendition: its name, pixels, frames a second, bit/s of the video."""

    name: str
    width: int
    height: int
    frame_rate: float
    bitrate: int


class Estimate(msgspec.Struct, frozen=True):
    """How many channels with such a source could be encoded at a time: `channels`, each with
    `rungs`. 0: not even the smallest rendition."""

    width: int
    height: int
    frame_rate: float
    channels: int
    rungs: tuple[Rung, ...]


class EncodingReport(msgspec.Struct, frozen=True):
    """See `contracts.transcoder.Encoding`."""

    fourcc: str
    max_width: int
    max_height: int
    max_frame_rate: float
    pixels_per_second: float


class BackendReport(msgspec.Struct, frozen=True):
    """A transcoder.

    Fields:
        sentence: what was measured, or why it does not work.
        load: part of it that is taken, 0 to 1.
    """

    name: str
    title: str
    state: BackendState
    sentence: str
    hardware: bool
    encodings: tuple[EncodingReport, ...]
    decodes: tuple[str, ...]
    decode_pixels_per_second: float
    load: float
    estimates: tuple[Estimate, ...]


class JobLine(msgspec.Struct, frozen=True):
    """A stream that is being encoded, or is on air without it.

    Fields:
        backend: "" when nobody encodes it; `why_none` says why.
        rungs: that come out, or will.
        gone: names of those that were taken away.
        lag: seconds.
        cpu: processors that are busy with it.
    """

    channel: str
    backend: str
    phase: str
    rungs: tuple[Rung, ...]
    gone: tuple[str, ...]
    lag: float
    cpu: float
    why_none: str


class ViewersLine(msgspec.Struct, frozen=True):
    """How many viewers of one quality the lines of `LINES` carry."""

    name: str
    bitrate: int
    viewers: tuple[int, ...]


class CapacityReport(msgspec.Struct, frozen=True):
    """All of it.

    Fields:
        probing: whether transcoders are still being tried.
        policy_failures: how often a ladder policy failed or took too long.
    """

    enabled: bool
    probing: bool
    reserve: float
    policy_failures: int
    backends: tuple[BackendReport, ...]
    jobs: tuple[JobLine, ...]
    viewers: tuple[ViewersLine, ...]


async def report(service: TranscodingService) -> CapacityReport:
    """How it is now."""
    backends = [await _backend(service, each) for each in service.backends.all()]
    return CapacityReport(
        enabled=service.config.enabled,
        probing=service.config.enabled and not service.backends.settled.is_set(),
        reserve=service.config.reserve,
        policy_failures=service.planner.failed + service.planner.overran,
        backends=tuple(backends),
        jobs=tuple(_job(follower) for follower in service.followers()),
        viewers=tuple(_viewers(service)),
    )


async def _backend(service: TranscodingService, backend: Backend) -> BackendReport:
    capability = backend.capability
    estimates: tuple[Estimate, ...] = ()
    if capability is not None and service.backends.may(backend):
        estimates = tuple(
            [await _estimate(service, backend, capability, size) for size in USUAL_SOURCES]
        )
    return BackendReport(
        name=backend.name,
        title=backend.transcoder.title,
        state=_state(service, backend),
        sentence=capability.sentence if capability is not None else backend.why_not,
        hardware=capability is not None and capability.hardware,
        encodings=tuple(
            EncodingReport(
                each.fourcc,
                each.max_width,
                each.max_height,
                each.max_frame_rate,
                each.pixels_per_second,
            )
            for each in (capability.encodings if capability is not None else ())
        ),
        decodes=capability.decodes if capability is not None else (),
        decode_pixels_per_second=capability.decode_pixels_per_second if capability else 0.0,
        load=backend.load,
        estimates=estimates,
    )


def _state(service: TranscodingService, backend: Backend) -> BackendState:
    if not service.backends.may(backend) or not service.config.enabled:
        return BackendState.UNUSED
    if backend.capability is not None:
        return BackendState.WORKS
    return BackendState.FAILS if backend.why_not else BackendState.UNKNOWN


async def _estimate(
    service: TranscodingService,
    backend: Backend,
    capability: Capability,
    size: tuple[int, int, float],
) -> Estimate:
    width, height, rate = size
    track = Track(0, "video", "avc1", "avc1.64002a", 90_000, b"", width, height)
    source = Source((track,), rate)
    endless = Room(backend.name, capability, ENDLESS, ENDLESS)
    plans = _videos(await service.planner.ask(source, endless))
    part = share(capability, plans, source_pixels(source)) if plans else 0.0
    free = 1.0 - service.config.reserve
    channels = min(MANY, int(free / part + 1e-9)) if part else 0
    if not channels and (whole := service.backends.room(backend, whole=True)) is not None:
        # Not the whole ladder, but perhaps a part of it.
        plans = _videos(await service.planner.ask(source, whole))
        channels = 1 if plans else 0
    return Estimate(width, height, rate, channels, tuple(_rung(plan) for plan in plans))


def _job(follower: Follower) -> JobLine:
    found = qualities(follower)
    gone = tuple(each.name for each in found if each.state is QualityState.GONE)
    return JobLine(
        channel=follower.broadcast.channel.name,
        backend=follower.backend.name if follower.backend is not None else "",
        phase=follower.moment.phase.value,
        rungs=tuple(_rung(plan) for plan in follower.moment.plans),
        gone=gone,
        lag=follower.report.lag if follower.report is not None else 0.0,
        cpu=follower.cpu,
        why_none=follower.why_none.text() if follower.why_none is not None else "",
    )


def _viewers(service: TranscodingService) -> list[ViewersLine]:
    rates = [("source", SOURCE_BITRATE)]
    for preset in service.planner.presets:
        if preset.height:
            width = round(preset.height * 16 / 9)
            rates.append(
                (
                    preset.name,
                    rungs.bitrate(preset.bitrate, width, preset.height, preset.frame_rate),
                )
            )
        else:
            rates.append((preset.name, 0))
    return [
        ViewersLine(
            name, rate + SOUND, tuple(int(line / ((rate + SOUND) * OVERHEAD)) for line in LINES)
        )
        for name, rate in rates
    ]


def _videos(plans: tuple[RenditionPlan, ...]) -> tuple[RenditionPlan, ...]:
    return tuple(plan for plan in plans if not plan.audio_only)


def _rung(plan: RenditionPlan) -> Rung:
    return Rung(plan.name, plan.width, plan.height, plan.frame_rate, plan.bitrate)
