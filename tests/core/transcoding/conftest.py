"""The service with transcoders that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from metropole_core.bus import EventBus
from metropole_core.config.transcoding import TranscodingConfig
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.ladder import LadderPolicy
from metropole_core.limits import Notices
from metropole_core.registry import Registry
from metropole_core.testing import CHANNEL, FakeClock, FakeTranscoder, make_broadcast
from metropole_core.transcoding import TranscodingService
from metropole_media.live import LiveStream, Packet, Track

VIDEO = Track(0, "video", "avc1", "avc1.64002a", 90_000, b"", 1920, 1080, frame_rate=30.0)
SOUND = Track(100, "audio", "mp4a", "mp4a.40.2", 48_000, b"", sample_rate=48_000, channels=2)


class Studio:
    """A service with what it is made of."""

    def __init__(self, config: TranscodingConfig) -> None:
        self.clock = FakeClock()
        self.events = EventBus()
        self.registry = Registry()
        self.notices = Notices(self.clock, self.events)
        self.service = TranscodingService(
            self.registry, config, self.notices, self.events, self.clock
        )

    def transcoder(self, name: str = "fake", **given: object) -> FakeTranscoder:
        """A transcoder that is installed."""
        made = FakeTranscoder(name, **given)  # type: ignore[arg-type]
        self.registry.add(f"transcoder_{name}", "register_transcoder", made)
        return made

    def policy(self, policy: LadderPolicy) -> None:
        """A ladder policy that is installed."""
        self.registry.add(f"ladder_{policy.name}", "register_ladder", policy)

    def go_live(
        self, *tracks: Track, channel: ChannelRef = CHANNEL
    ) -> tuple[LiveStream, Callable[[], None]]:
        """A stream that is followed, and described; and how to leave it."""
        stream = LiveStream(channel.name, self.clock.monotonic)
        leave = self.service.follow(make_broadcast(channel=channel), stream)
        stream.attach().describe(tracks or (VIDEO, SOUND))
        return stream, leave

    def pass_time(self, seconds: float) -> None:
        """So much later, the service looks."""
        self.clock.advance(seconds)
        self.service.look()


async def until(true: Callable[[], object], seconds: float = 3.0) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 (what is waited for tells nobody)
            await asyncio.sleep(0.005)


def names(stream: LiveStream) -> str:
    """The ladder in a word; "undecided" without one."""
    plans = stream.ladder.plans
    return "undecided" if plans is None else " ".join(plan.name for plan in plans)


def picture(dts: int = 0) -> Packet:
    return Packet(0, dts, dts, True, b"picture")


@pytest.fixture
async def make_studio() -> AsyncIterator[Callable[..., Studio]]:
    made: list[Studio] = []

    def make(**settings: object) -> Studio:
        studio = Studio(TranscodingConfig.model_validate(settings))
        made.append(studio)
        return studio

    yield make
    for studio in made:
        await studio.service.stop()


@pytest.fixture
def studio(make_studio: Callable[..., Studio]) -> Studio:
    return make_studio()
