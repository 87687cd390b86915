"""Streams get their ladder, and it is looked after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.ladder import Preset, Room, Source
from metropole_core.contracts.transcoder import Capability
from metropole_core.limits import Sentence
from metropole_core.testing import CHANNEL, FakeTranscoder, make_broadcast, make_capability
from metropole_core.transcoding.follower import PLANS, PLANS_SECONDS
from metropole_core.transcoding.qualities import QualityState
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream
from tests.core.transcoding.conftest import SOUND, VIDEO, Studio, names, picture, until

FULL = "720p 480p 360p audio"


def states(studio: Studio) -> dict[str, str]:
    return {q.name: q.state.value for q in studio.service.qualities(CHANNEL.id)}


async def test_a_stream_gets_its_ladder_and_a_job(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, leave = studio.go_live()
    assert names(stream) == "undecided"
    await until(lambda: stream.ladder.plans)
    assert names(stream) == FULL
    assert [plan.name for plan in fake.job.plans] == ["720p", "480p", "360p"]
    leave()
    leave()
    assert fake.job.closed
    assert studio.service.followers() == ()


async def test_the_end_of_the_stream_ends_its_job(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: fake.jobs)
    stream.end()
    assert fake.job.closed
    studio.pass_time(1)
    assert studio.service.qualities(CHANNEL.id) == ()


async def test_switched_off(make_studio: Callable[..., Studio]) -> None:
    studio = make_studio(enabled=False)
    fake = studio.transcoder()
    studio.service.start()
    stream, leave = studio.go_live()
    assert stream.ladder.plans == ()
    leave()
    assert fake.probes == 0


async def test_without_a_transcoder_sound_alone_is_declared_at_once(studio: Studio) -> None:
    studio.service.start()
    stream, _ = studio.go_live(replace(VIDEO, frame_rate=0.0), SOUND)
    await until(lambda: stream.ladder.plans is not None, 0.5)
    assert names(stream) == "audio"
    why = studio.service.why_no_more(CHANNEL.id)
    assert why is not None
    assert "cannot make" in why.text()


async def test_a_transcoder_that_does_not_work(studio: Studio) -> None:
    studio.transcoder(capability="There is no driver.")
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: stream.ladder.plans is not None)
    assert names(stream) == "audio"
    (backend,) = studio.service.backends.all()
    assert backend.why_not == "There is no driver."


async def test_the_frame_rate_is_learnt_from_packets(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream = LiveStream("lab", studio.clock.monotonic)
    studio.service.follow(make_broadcast(), stream)
    publisher = stream.attach()
    publisher.describe((replace(VIDEO, frame_rate=0.0), SOUND))
    await until(studio.service.backends.settled.is_set)
    await asyncio.sleep(0.02)
    assert names(stream) == "undecided"
    for number in range(40):
        publisher.write(picture(number * 1500))
    await until(lambda: fake.jobs, 0.5)
    assert [plan.frame_rate for plan in fake.job.plans] == [60.0, 30.0, 30.0]


async def test_a_source_that_sends_nothing_is_not_waited_for(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    studio.go_live(replace(VIDEO, frame_rate=0.0), SOUND)
    await until(lambda: fake.jobs, 2.0)
    assert fake.job.plans[0].frame_rate == 30.0


class Slow(FakeTranscoder):
    """Takes its time to be probed."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.go = asyncio.Event()

    async def probe(self) -> Capability:
        await self.go.wait()
        return await super().probe()


async def test_a_probe_that_takes_long_is_not_waited_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metropole_core.transcoding.follower.PROBE_WAIT", 0.05)
    slow = Slow()
    studio.registry.add("transcoder_slow", "register_transcoder", slow)
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: stream.ladder.plans is not None)
    assert names(stream) == "audio"
    slow.go.set()
    await until(lambda: slow.jobs)
    assert names(stream) == FULL
    # Tried again, what runs goes on.
    await studio.service.probe()
    await asyncio.sleep(0.01)
    assert len(slow.jobs) == 1


async def test_a_probe_that_hangs_or_fails_is_told(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metropole_core.transcoding.backends.PROBE_SECONDS", 0.02)
    studio.registry.add("a", "register_transcoder", Slow())
    studio.transcoder("odd", capability=make_capability()).capability = "x"  # then no Capability
    broken = studio.transcoder("broken")
    monkeypatch.setattr(broken, "probe", _none)
    await studio.service.probe()
    why = {backend.name: backend.why_not for backend in studio.service.backends.all()}
    assert "did not answer within 0.02 s" in why["slow"]
    assert "it failed" in why["broken"]
    assert why["odd"] == "x"


async def _none() -> None:
    return None


async def test_hardware_first_and_the_operators_choice(make_studio: Callable[..., Studio]) -> None:
    for settings, chosen in (({}, "zgpu"), ({"transcoder": "cpu"}, "cpu")):
        studio = make_studio(**settings)
        both = {
            "cpu": studio.transcoder("cpu"),
            "zgpu": studio.transcoder("zgpu", capability=make_capability(hardware=True)),
        }
        studio.service.start()
        studio.go_live()
        await until(lambda both=both: any(each.jobs for each in both.values()))  # type: ignore[misc]
        assert [name for name, each in both.items() if each.jobs] == [chosen]


async def test_a_job_that_is_behind_loses_its_largest(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: fake.jobs)
    first = fake.job
    first.write("720p")
    first.write("480p")
    kept, shed = stream.ladder.feed("480p"), stream.ladder.feed("720p")
    load = studio.service.backends.all()[0].load
    for _ in range(7):
        first.behind()
        studio.pass_time(1)
    assert names(stream) == "480p 360p audio"
    assert not first.closed, "the others go on without a gap"
    assert len(fake.jobs) == 1
    assert shed.ended
    assert stream.ladder.feed("480p") is kept
    assert 0 < studio.service.backends.all()[0].load < load
    notice = studio.notices.last(CHANNEL.id)
    assert notice is not None
    assert (notice.kind, notice.code) == ("quality", "transcoding_behind")
    assert "720p was taken away" in notice.words.text()
    assert states(studio)["720p"] == "gone"
    # One that begins anew makes only the rest.
    first.fail()
    studio.pass_time(2)
    assert [plan.name for plan in fake.job.plans] == ["480p", "360p"]
    # The first job is history.
    first.behind()
    first.fail()
    assert studio.service.followers()[0].moment.phase.value == "working"
    for _ in range(14):
        fake.job.behind()
        studio.pass_time(1)
    assert names(stream) == "audio"
    assert fake.job.closed
    assert studio.service.backends.all()[0].load == 0


async def test_the_processors_of_a_job(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    studio.go_live()
    await until(lambda: fake.jobs)
    (follower,) = studio.service.followers()
    for seconds in (1.0, 1.0, 2.0, 2.0, 4.0):
        fake.job.well(seconds)
        studio.pass_time(1)
    assert follower.cpu == 0.75
    fake.job.fail()
    assert follower.cpu == 0.0


async def test_one_that_stands_still_is_taken_away(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: fake.jobs)
    for second in range(11):
        fake.job.write("720p", second * 90_000)
        if second < 2:
            fake.job.write("480p", second * 90_000)
        fake.job.write("360p", second * 90_000)
        assert names(stream) == FULL
        studio.pass_time(1)
    assert names(stream) == "720p 360p audio"
    notice = studio.notices.last(CHANNEL.id)
    assert notice is not None
    assert "480p has ended" in notice.words.text()
    # When nothing comes out at all, the source is away, or the job says so itself.
    studio.pass_time(60)
    assert names(stream) == "720p 360p audio"


async def test_a_job_that_fails_begins_again(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: fake.jobs)
    fake.job.write("720p")
    studio.service.look()
    assert (states(studio)["720p"], states(studio)["480p"]) == ("live", "coming")
    feed = stream.ladder.feed("720p")
    fake.job.fail()
    assert fake.job.closed
    assert states(studio)["720p"] == QualityState.PAUSED.value
    studio.pass_time(0.9)
    assert len(fake.jobs) == 1
    studio.pass_time(0.2)
    assert len(fake.jobs) == 2
    fake.job.write("720p", 90_000)
    assert stream.ladder.feed("720p") is feed
    assert names(stream) == FULL


async def test_one_that_keeps_failing_is_replaced_by_the_next(studio: Studio) -> None:
    gpu = studio.transcoder("gpu", capability=make_capability(hardware=True))
    small = make_capability(854 * 480 * 30 * 4)
    cpu = studio.transcoder("cpu", capability=small)
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: gpu.jobs)
    assert names(stream) == FULL
    for _ in range(3):
        gpu.job.fail()
        studio.pass_time(5)
    await until(lambda: cpu.jobs)
    assert names(stream) == "480p 360p audio"
    assert len(gpu.jobs) == 3
    assert states(studio)["720p"] == "gone"
    for _ in range(3):
        cpu.job.fail()
        studio.pass_time(5)
    await until(lambda: names(stream) == "audio")
    notice = studio.notices.last(CHANNEL.id)
    assert notice is not None
    assert notice.code == "transcoding_failed"
    assert {"480p", "360p"} <= {n for n, s in states(studio).items() if s == "gone"}
    assert all(backend.load == 0 for backend in studio.service.backends.all())


async def test_one_that_cannot_even_begin(studio: Studio) -> None:
    fake = studio.transcoder()
    fake.refuses = True
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: stream.ladder.plans)
    for _ in range(3):
        studio.pass_time(5)
    await until(lambda: names(stream) == "audio")
    assert fake.jobs == []


async def test_what_is_wrong_with_the_encoder_matters_more(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    studio.go_live()
    await until(lambda: fake.jobs)
    studio.notices.put(CHANNEL, "warning", "long_gop", Sentence("Far apart."))
    for _ in range(7):
        fake.job.behind()
        studio.pass_time(1)
    notice = studio.notices.last(CHANNEL.id)
    assert notice is not None
    assert notice.code == "long_gop"


async def test_a_source_that_changes_is_planned_anew(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream = LiveStream("lab", studio.clock.monotonic)
    studio.service.follow(make_broadcast(), stream)
    publisher = stream.attach()
    publisher.describe((VIDEO, SOUND))
    await until(lambda: fake.jobs)
    kept = stream.ladder.feed("360p")
    # The same source comes back: nothing begins again.
    publisher.detach()
    publisher = stream.attach()
    publisher.describe((VIDEO, SOUND))
    await asyncio.sleep(0.02)
    assert len(fake.jobs) == 1
    publisher.describe((replace(VIDEO, width=1280, height=720), SOUND))
    await until(lambda: len(fake.jobs) == 2)
    assert names(stream) == "480p 360p audio"
    assert stream.ladder.feed("360p") is kept
    assert fake.jobs[0].closed
    publisher.describe((SOUND,))
    await until(lambda: names(stream) == "")
    assert fake.job.closed


async def test_a_source_that_changes_all_the_time_is_not_planned_as_often(studio: Studio) -> None:
    """Each plan costs a process that ends and one that begins."""
    fake = studio.transcoder()
    studio.service.start()
    stream = LiveStream("lab", studio.clock.monotonic)
    studio.service.follow(make_broadcast(), stream)
    publisher = stream.attach()
    for number in range(20):
        tracks = (VIDEO, SOUND) if number % 2 else (replace(VIDEO, width=1280, height=720), SOUND)
        publisher.describe(tracks)
        await asyncio.sleep(0.01)
        studio.pass_time(0.1)
    await until(lambda: fake.jobs)
    assert len(fake.jobs) <= PLANS
    assert names(stream) == "480p 360p audio"
    # What it is in the end, it is planned for.
    studio.pass_time(PLANS_SECONDS)
    await until(lambda: names(stream) == FULL)
    assert len(fake.jobs) <= PLANS + 1


async def test_streams_share_what_the_machine_can(studio: Studio) -> None:
    pixels = 1280 * 720 * 30 + 854 * 480 * 30 + 640 * 360 * 30
    fake = studio.transcoder(capability=make_capability(pixels * 1.9, hardware=True))
    studio.service.start()
    first, leave = studio.go_live()
    await until(lambda: fake.jobs)
    assert names(first) == FULL
    other = ChannelRef(2, "other", 8)
    second, _ = studio.go_live(channel=other)
    await until(lambda: second.ladder.plans is not None)
    assert names(second) == "480p 360p audio"
    third, _ = studio.go_live(channel=ChannelRef(3, "third", 9))
    await until(lambda: third.ladder.plans is not None)
    assert names(third) == "audio"
    why = studio.service.why_no_more(3)
    assert why is not None
    assert "no room" in why.text()
    # For a small picture there would be nothing to make in an empty machine either.
    little = replace(VIDEO, width=640, height=360)
    small, _ = studio.go_live(little, SOUND, channel=ChannelRef(5, "fifth", 9))
    await until(lambda: small.ladder.plans is not None)
    why = studio.service.why_no_more(5)
    assert why is not None
    assert "no smaller quality" in why.text()
    leave()
    fourth, _ = studio.go_live(channel=ChannelRef(4, "fourth", 9))
    await until(lambda: fourth.ladder.plans is not None)
    assert names(fourth) == FULL


class Policy:
    """A ladder policy that does what a test says."""

    title = "Test"

    def __init__(self, name: str, answer: object) -> None:
        self.name = name
        self.answer = answer

    async def plan(
        self, source: Source, presets: tuple[Preset, ...], room: Room | None
    ) -> tuple[RenditionPlan, ...]:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "slow":
            await asyncio.sleep(5)
        return self.answer  # type: ignore[return-value]


HUGE = RenditionPlan("big", 3840, 2160, 30.0, 1, "avc1.64001f")
TINY = RenditionPlan("tiny", 320, 180, 30.0, 200_000, "avc1.64000d")


@pytest.mark.parametrize(
    "answer", [ValueError("no"), "slow", [TINY], (TINY, TINY), (HUGE,), ("tiny",), None]
)
async def test_a_policy_that_fails_leaves_the_source_alone(
    make_studio: Callable[..., Studio], answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    studio = make_studio(ladder="odd")
    fake = studio.transcoder()
    studio.policy(Policy("odd", answer))
    studio.service.start()
    with caplog.at_level(logging.ERROR):
        stream, _ = studio.go_live()
        await until(lambda: stream.ladder.plans is not None)
    assert stream.ladder.plans == ()
    assert fake.jobs == []
    assert "ladder policy odd" in caplog.text
    planner = studio.service.planner
    assert planner.failed + planner.overran > 0


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ({}, "tiny"),
        ({"ladder": "standard"}, FULL),
        ({"ladder": "missing"}, FULL),
        ({"ladder": "odd"}, "odd"),
    ],
)
async def test_which_policy_decides(
    make_studio: Callable[..., Studio], settings: dict[str, str], made: str
) -> None:
    studio = make_studio(**settings)
    studio.transcoder("fake")
    studio.policy(Policy("fake", (TINY,)))
    studio.policy(Policy("odd", (replace(TINY, name="odd"),)))
    studio.service.start()
    stream, _ = studio.go_live()
    await until(lambda: stream.ladder.plans is not None)
    assert names(stream) == made


async def test_a_follower_of_the_ladder_that_fails_is_isolated(studio: Studio) -> None:
    fake = studio.transcoder()
    studio.service.start()
    stream, _ = studio.go_live()

    def broken() -> None:
        raise RuntimeError("broken")

    stream.ladder.watch(broken)
    await until(lambda: fake.jobs)
    assert names(stream) == FULL
