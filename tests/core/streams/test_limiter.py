"""Limits as encoders and creators meet them, on both databases."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from metropole_core.config.limits import LimitsConfig
from metropole_core.contracts.events import EncoderNoticed, LiveState
from metropole_core.contracts.publishing import Refusal
from metropole_core.db.connection import Database
from metropole_core.limits import Notice, OwnLimits
from metropole_core.streams.limits import CUT_WITHIN, REST_AFTER_END, REST_AFTER_SIZE, RESTS
from metropole_core.testing import FakeClock
from metropole_media.live import Packet, PublisherHandle, Track
from tests.core.streams.conftest import VIDEO, House

M = 1_000_000
LARGE = Track(0, "video", "avc1", "avc1.640033", 1000, b"config", 3840, 2160)

Make = Callable[..., Awaitable["Town"]]


class Town(House):
    """A house whose limits are looked at as the clock is turned."""

    def __init__(
        self, database: Database, folder: Path, clock: FakeClock, limits: LimitsConfig
    ) -> None:
        super().__init__(database, folder, clock, 30.0, limits)
        self.turned = clock
        self.cuts: list[str] = []
        self.heard: list[EncoderNoticed] = []
        self.events.subscribe(EncoderNoticed, self._noticed)

    async def _noticed(self, event: EncoderNoticed) -> None:
        self.heard.append(event)

    def last(self, channel_id: int) -> Notice:
        found = self.notices.last(channel_id)
        assert found is not None
        return found

    def pass_time(self, seconds: float, *sending: tuple[PublisherHandle, int]) -> None:
        """Let time pass while they send (handle, bit/s) each."""
        for _ in range(round(seconds)):
            self.turned.advance(1)
            for handle, rate in sending:
                at = round(self.turned.monotonic() * 1000)
                handle.write(Packet(0, at, at, True, bytes(rate // 8)))
            self.limiter.look()

    async def live(self, name: str, *, again: bool = False) -> tuple[int, PublisherHandle]:
        """A channel on air: its id and its encoder."""
        channel = await self.channels.by_name(name) if again else await self.channel(name)
        assert channel is not None
        grant, handle = await self.publish(channel)
        grant.publication.on_cut(self.cuts.append)
        handle.describe((VIDEO,))
        if not again:
            self.provider.available[channel.id]()
        await self.settled()
        return channel.id, handle

    async def drop(self, channel_id: int, handle: PublisherHandle, why: str = "broke") -> None:
        """The encoder's connection breaks."""
        handle.detach()
        self.publishing._stays[channel_id].lost(why)
        await self.settled()

    async def refusal_of(self, channel_id: int) -> Refusal:
        return await self.refused(await self.channels.stream_key(channel_id))

    def state(self, channel_id: int) -> LiveState:
        return self.status.state(channel_id).state


@pytest.fixture
async def town(database: Database, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Make]:
    made: list[Town] = []

    async def make(**limits: object) -> Town:
        made.append(Town(database, tmp_path, clock, LimitsConfig.model_validate(limits)))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


async def test_too_high_a_bitrate(town: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    here = await town(bitrate="6M")
    lab, handle = await here.live("lab_one")
    here.pass_time(40, (handle, 6 * M))
    assert here.notices.last(lab) is None
    here.pass_time(10, (handle, 9_400_000))
    warning = here.last(lab)
    assert (warning.kind, warning.code) == ("warning", "bitrate")
    assert warning.words.text().endswith("it is cut off in 10 seconds.")
    assert "at most 6 Mbit/s" in caplog.text
    assert here.cuts == []
    here.pass_time(CUT_WITHIN - 10, (handle, 9_400_000))
    (sentence,) = here.cuts
    assert sentence == (
        "This channel may send at most 6 Mbit/s; yours sends 9.4 Mbit/s. "
        "Lower the bitrate in OBS > Settings > Output."
    )
    assert here.last(lab).kind == "cut"
    assert here.last(lab).words.text() == sentence
    assert here.state(lab) is LiveState.INTERRUPTED
    assert handle.detached
    assert f"lab_one: the publisher is cut off: {sentence}" in caplog.text
    await here.settled()
    assert {event.name for event in here.heard} == {"lab_one"}


async def test_who_lowers_the_bitrate_is_left_alone(town: Make) -> None:
    here = await town(bitrate=6 * M)
    lab, handle = await here.live("lab_one")
    here.pass_time(12, (handle, 8 * M))
    assert here.last(lab).kind == "warning"
    here.pass_time(60, (handle, 6_300_000))  # within the tolerance
    assert here.cuts == []
    assert here.notices.last(lab) is None


async def test_who_comes_back_at_once_waits_and_reads_why(town: Make) -> None:
    here = await town(bitrate=M)
    lab, handle = await here.live("lab_one")
    for rest in RESTS[:3]:
        while not handle.detached:
            here.pass_time(1, (handle, 1_300_000))
        refusal = await here.refusal_of(lab)
        assert refusal.code == "limit"
        assert refusal.retry_after == pytest.approx(rest)
        assert "at most 1 Mbit/s" in refusal.sentence
        assert "works again in" in refusal.sentence
        assert here.last(lab).kind == "cut"  # not "refused": that would hide why
        here.pass_time(refusal.retry_after + 1)
        _, handle = await here.live("lab_one", again=True)
    assert here.last(lab).kind == "cut"
    here.pass_time(31, (handle, M))
    assert here.notices.last(lab) is None
    here.pass_time(120, (handle, M))
    assert here.limiter._rests == {}


async def test_the_reconnect_window_outlasts_the_first_rest(town: Make) -> None:
    here = await town(bitrate=M)
    lab, handle = await here.live("lab_one")
    here.pass_time(2, (handle, 30 * M))
    here.pass_time(RESTS[0] + 1)
    _, handle = await here.live("lab_one", again=True)
    assert here.state(lab) is LiveState.INTERRUPTED  # the same broadcast


async def test_a_large_picture_is_seen_by_nobody(town: Make, clock: FakeClock) -> None:
    here = await town(height="1080p")
    channel = await here.channel()
    grant, handle = await here.publish(channel)
    grant.publication.on_cut(here.cuts.append)
    handle.describe((LARGE,))
    handle.write(Packet(0, 0, 0, True, b"frame"))
    assert grant.stream.tracks == ()
    assert grant.stream.stats.packets == 0
    (sentence,) = here.cuts
    assert sentence.startswith("This channel may send pictures of at most 1080p; yours are 3840 x")
    assert "OBS > Settings > Video" in sentence
    assert here.last(channel.id).code == "height"
    assert here.state(channel.id) is LiveState.OFFLINE
    # OBS reads only what it is told when it connects, so it is told once more.
    refusal = await here.refusal_of(channel.id)
    assert refusal.sentence.startswith(sentence.rstrip("."))
    assert refusal.retry_after == pytest.approx(REST_AFTER_SIZE)
    clock.advance(REST_AFTER_SIZE)
    _, handle = await here.publish(channel)
    handle.describe((VIDEO,))
    assert not handle.detached


async def test_a_picture_that_grows(town: Make) -> None:
    here = await town(height=1080)
    lab, handle = await here.live("lab_one")
    here.pass_time(3, (handle, M))
    handle.describe((LARGE,))
    assert handle.detached
    assert here.state(lab) is LiveState.INTERRUPTED


async def test_too_long(town: Make, clock: FakeClock) -> None:
    here = await town(duration="1h")
    lab, handle = await here.live("lab_one")
    here.pass_time(3000 - 1, (handle, 800))
    assert here.notices.last(lab) is None
    here.pass_time(1, (handle, 800))
    assert here.last(lab).words.text() == (
        "A broadcast may last 1 hour here; this one ends in 10 minutes."
    )
    here.pass_time(540, (handle, 800))
    assert here.last(lab).words.text().endswith("ends in 1 minute.")
    assert here.cuts == []
    here.pass_time(60, (handle, 800))
    (sentence,) = here.cuts
    assert "may last 1 hour here; this one has ended" in sentence
    assert here.state(lab) is LiveState.OFFLINE  # no reconnect window
    assert here.provider.ended == [lab]
    refusal = await here.refusal_of(lab)
    assert refusal.retry_after == pytest.approx(REST_AFTER_END)
    assert "works again in 5 minutes" in refusal.sentence
    clock.advance(REST_AFTER_END)
    await here.live("lab_one", again=True)
    here.pass_time(10, (handle, 800))
    assert here.state(lab) is LiveState.CONNECTING


async def test_a_reconnect_gives_no_new_time(town: Make) -> None:
    here = await town(duration=600)
    lab, handle = await here.live("lab_one")
    here.pass_time(500, (handle, 800))
    await here.drop(lab, handle)
    here.pass_time(20)
    _, handle = await here.live("lab_one", again=True)
    here.pass_time(80, (handle, 800))
    assert here.state(lab) is LiveState.OFFLINE
    assert "has ended" in here.cuts[0]


async def test_a_restart_gives_no_new_time(town: Make, clock: FakeClock) -> None:
    before = await town(duration=600)
    lab, handle = await before.live("lab_one")
    before.pass_time(500, (handle, 800))
    await before.settled()
    await before.status.stop()
    after = await town(duration=600)
    await after.status.recover()
    clock.advance(20)
    _, handle = await after.publish(await after.channels.get(lab))
    handle.describe((VIDEO,))
    after.pass_time(79, (handle, 800))
    assert not handle.detached
    after.pass_time(2, (handle, 800))
    assert handle.detached
    assert after.state(lab) is LiveState.OFFLINE


async def test_too_many_streams(town: Make) -> None:
    here = await town(streams=2)
    one, handle = await here.live("lab_one")
    await here.live("lab_two")
    three = await here.channel("lab_three")
    refusal = await here.refusal_of(three.id)
    assert refusal.code == "limit"
    assert refusal.sentence.startswith(
        "This site takes 2 broadcasts at a time, and there is no place left"
    )
    assert here.last(three.id).kind == "refused"
    # Within the window its place is kept.
    await here.drop(one, handle)
    assert (await here.refusal_of(three.id)).code == "limit"
    await here.live("lab_one", again=True)
    # The end of one makes room.
    here.status.end(one, "over")
    await here.publish(three)


async def test_too_many_streams_of_one_account(town: Make) -> None:
    here = await town(streams_per_user=1)
    one, _ = await here.live("lab_one")
    owner = (await here.channels.get(one)).owner_id
    second = await here.channels.create(owner, "lab_second")
    refusal = await here.refusal_of(second.id)
    assert refusal.sentence.startswith("Your account may have one channel on air at a time.")
    await here.live("lab_two")  # of somebody else


async def test_the_bitrate_of_all(town: Make) -> None:
    here = await town(total_bitrate="10M")
    one, first = await here.live("lab_one")
    two, second = await here.live("lab_two")
    here.pass_time(30, (first, 4 * M), (second, 4 * M))
    _, third = await here.live("lab_three")
    here.pass_time(30, (first, 4 * M), (second, 4 * M), (third, M))
    assert here.cuts == []
    # Who comes back is still the first.
    await here.drop(one, first)
    _, first = await here.live("lab_one", again=True)
    here.pass_time(CUT_WITHIN + 10, (first, 4 * M), (second, 4 * M), (third, 4 * M))
    # The last who came goes.
    assert (first.detached, second.detached, third.detached) == (False, False, True)
    assert here.cuts[0].startswith("All streams of this site together use the 10 Mbit/s")
    here.pass_time(30, (first, 5 * M), (second, 5 * M))
    four = await here.channel("lab_four")
    assert (await here.refusal_of(four.id)).sentence == here.cuts[0]
    assert not first.detached
    assert here.state(one) is here.state(two) is LiveState.LIVE


async def test_a_channel_of_its_own_limits(town: Make) -> None:
    here = await town(bitrate="6M", height=720, duration="1h")
    lab, handle = await here.live("lab_one")
    two, other = await here.live("lab_two")
    await here.limits.set_own(lab, OwnLimits(bitrate=20 * M, height=0))
    assert (await here.limits.of(lab)).duration == 3600
    await here.limiter.reread()
    here.pass_time(CUT_WITHIN, (handle, 15 * M), (other, 15 * M))
    assert not handle.detached
    assert other.detached
    handle.describe((LARGE,))
    assert not handle.detached
    await here.limits.set_own(lab, OwnLimits())
    assert (await here.limits.of(lab)).height == 720
    await here.limiter.reread()
    here.pass_time(1, (handle, M))
    assert handle.detached
    assert here.last(lab).code == "height"
    assert here.state(two) is LiveState.INTERRUPTED


async def test_a_shorter_time_ends_what_runs(town: Make) -> None:
    here = await town()
    lab, handle = await here.live("lab_one")
    here.pass_time(100, (handle, 800))
    await here.limits.set_own(lab, OwnLimits(duration=60))
    await here.limiter.reread()
    here.pass_time(1, (handle, 800))
    assert here.state(lab) is LiveState.OFFLINE


async def test_what_a_creator_reads(town: Make) -> None:
    here = await town()
    lab, handle = await here.live("lab_one")
    await here.refusal_of(lab)
    assert here.last(lab).code == "already_live"
    await here.drop(lab, handle, "The video codec is VP6: set H.264 (100 % sure).")
    lost = here.last(lab)
    assert (lost.kind, lost.words.text()) == (
        "lost",
        "The video codec is VP6: set H.264 (100 % sure).",
    )
    _, handle = await here.live("lab_one", again=True)
    here.pass_time(31, (handle, 800))
    assert here.notices.last(lab) is None
    await here.drop(lab, handle, "gone")
    here.turned.advance(86_401)
    assert here.notices.last(lab) is None
    key = await here.channels.stream_key(lab)
    for event in here.heard:
        assert key not in repr(event)


async def test_nothing_is_left(town: Make) -> None:
    here = await town(bitrate=M)
    for number in range(3):
        lab, handle = await here.live(f"lab_{number}{number}{number}")
        here.pass_time(3, (handle, 800))
        here.status.end(lab, "over")
        here.pass_time(1)
    assert here.limiter._watches == {}
    assert here.limiter._rests == {}
    assert here.limiter.rate == 0
