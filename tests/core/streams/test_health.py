"""Creators read what is wrong with their stream, whoever found it, and once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from metropole_core.bus import EventBus
from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.events import StreamHealth, StreamUnwell
from metropole_core.streams.health import WORDS, ChannelHealth, Level, StreamsHealth
from metropole_core.streams.health.service import MAX_TOLD
from metropole_core.streams.health.words import EARLY_SOUND, SLOW_CLOCK, words_of
from metropole_core.testing import FakeClock
from metropole_media.health import Code, Finding, Severity
from metropole_media.live import LiveStream, Packet
from metropole_media.packaged import Health
from tests.core.streams.conftest import House
from tests.support.metered import AUDIO, Source
from tests.support.metered import VIDEO as _VIDEO

VIDEO = replace(_VIDEO, frame_rate=0.0)

PAGE = Path(__file__).parents[3] / "docs/how-to/stream-health.md"


CHANNEL = ChannelRef(1, "lab", 7)


class Stage:
    """A channel's publisher, and what is heard of its health."""

    def __init__(self) -> None:
        self.clock, self.events = FakeClock(), EventBus()
        self.service = StreamsHealth(self.clock, self.events)
        self.heard: list[StreamHealth] = []
        self.events.subscribe(StreamHealth, self._hear)
        self.stream = LiveStream("lab", self.clock.monotonic)
        self.come()

    async def _hear(self, event: StreamHealth) -> None:
        self.heard.append(event)

    def come(self) -> None:
        self.service.came(CHANNEL, self.stream)
        self.handle = self.stream.attach()
        self.handle.describe((VIDEO, AUDIO))
        self.second = 0

    def leave(self) -> None:
        self.handle.detach()
        self.service.gone(CHANNEL)

    def tell(self, code: str, sentence: str = "x") -> None:
        self.service.tell(CHANNEL.id, code, sentence)

    async def unwell(self, *codes: str) -> None:
        for code in codes:
            self.events.publish(StreamUnwell(channel_id=CHANNEL.id, code=code, sentence="x"))
        await self.events.settle()

    def last(self) -> ChannelHealth:
        self.service.look()
        found = self.service.of(CHANNEL.id)
        assert found is not None
        return found

    def go_on(self, seconds: int, gop: int = 20) -> ChannelHealth:
        """So many seconds of a stream, each with a look."""
        source = Source(gop=gop, fps=10, octets=1000)
        for _ in range(seconds):
            began = self.clock.monotonic()
            for sent in source.packets(1.0, start=self.second):
                self._go_to(began + sent.at - self.second)
                dts = round(sent.time * 1000)
                self.handle.write(Packet(sent.track, dts, dts, sent.key, sent.data))
            self._go_to(began + 1)
            self.second += 1
            found = self.last()
        return found

    def _go_to(self, time: float) -> None:
        self.clock.advance(max(0.0, time - self.clock.monotonic()))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    await made.events.stop()


def codes(health: ChannelHealth) -> list[str]:
    return [told.code for told in health.findings]


async def test_a_good_stream_is_green_and_what_is_found_turns_it_yellow(stage: Stage) -> None:
    good = stage.go_on(5)
    assert (good.level, good.findings, len(good.bitrates)) == (Level.GOOD, (), 5)
    bad = stage.go_on(12, gop=9999)
    assert (bad.level, codes(bad)) == (Level.WARNING, ["long_gop"])
    (told,) = bad.findings
    assert re.match(r"Your keyframe interval is 1\d s, .*set it to 2 s in OBS", told.words.text())
    assert bad.version > good.version
    await stage.events.settle()
    assert [event.level for event in stage.heard] == ["good", "warning"]
    (finding,) = stage.heard[-1].findings
    assert (finding.code, finding.severity) == ("long_gop", "warning")
    assert stage.go_on(30).findings == ()
    await stage.events.settle()
    assert [event.level for event in stage.heard] == ["good", "warning", "good"]


async def test_an_ingest_tells_until_its_encoder_leaves(stage: Stage) -> None:
    stage.tell("odd", "100 % odd. Mend it.")
    stage.tell("timestamps_stand")
    found = stage.go_on(1)
    assert [(told.code, told.words.text()) for told in found.findings] == [
        ("timestamps_stand", WORDS["timestamps_stand"]),
        ("odd", "100 % odd. Mend it."),
    ]
    assert found.level is Level.BAD
    stage.leave()
    after = stage.last()
    assert (after.level, after.findings) == (Level.NONE, ())


async def test_what_plays_it_out_tells_until_the_broadcast_ends(stage: Stage) -> None:
    await stage.unwell("too_large")
    assert codes(stage.go_on(1)) == ["too_large"]
    stage.leave()
    stage.come()
    assert codes(stage.go_on(1)) == ["too_large"]
    stage.stream.end()
    stage.service.look()
    assert stage.service.of(CHANNEL.id) is None


async def test_what_the_meter_measures_is_told_once(stage: Stage) -> None:
    await stage.unwell(*(code.value for code in Health))
    assert set(codes(stage.go_on(1))) == {"too_large", "low_memory"}


async def test_a_jump_is_forgotten_after_a_minute(stage: Stage) -> None:
    stage.tell("timestamps_jump")
    assert codes(stage.go_on(50)) == ["timestamps_jump"]
    assert codes(stage.go_on(20)) == []


async def test_others_cannot_fill_the_page(stage: Stage) -> None:
    for number in range(100):
        stage.tell(f"odd{number}")
    assert len(stage.go_on(1).findings) == MAX_TOLD


async def test_of_a_channel_that_is_not_live_nothing_is_kept(stage: Stage) -> None:
    stage.service.tell(99, "odd", "x")
    stage.service.gone(ChannelRef(99, "other", 1))
    assert stage.service.of(99) is None


async def test_listeners_hear_every_second_of_every_stream(stage: Stage) -> None:
    heard: list[tuple[int, Level]] = []
    stage.service.listeners.append(lambda number, each: heard.append((number, each.level)))
    stage.go_on(3)
    assert heard == [(CHANNEL.id, Level.GOOD)] * 3


async def test_a_new_broadcast_is_measured_anew_and_the_old_one_let_go(stage: Stage) -> None:
    before = stage.stream
    stage.go_on(3)
    stage.leave()
    stage.stream = LiveStream("lab", stage.clock.monotonic)
    stage.come()
    assert stage.go_on(1).report.video[0].frames == 10
    assert before._subscribers == ()


async def test_every_publisher_is_measured_and_can_tell(house: House) -> None:
    """From the door on."""
    channel = await house.channel()
    grant, handle = await house.go_live(channel)
    grant.publication.notice("odd", "Odd.")
    house.health.look()
    found = house.health.of(channel.id)
    assert found is not None
    assert (codes(found), found.report.publishing) == (["odd"], True)
    handle.detach()
    grant.publication.lost("gone")
    grant.publication.notice("odd", "Too late.")
    house.health.look()
    found = house.health.of(channel.id)
    assert found is not None
    assert (codes(found), found.level) == ([], Level.NONE)


def test_every_code_has_words_and_a_row_on_the_page() -> None:
    codes = {code.value for code in Code} | {health.value for health in Health}
    assert codes <= set(WORDS)
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert rows == set(WORDS)


FIGURES = {
    "long_gop": {"seconds": 8.3}, "frames_dropped": {"share": 0.123}, "silent": {"seconds": 15.0},
    "low_frame_rate": {"fps": 29.97, "nominal": 60.0}, "video_stalled": {"seconds": 2.5},
    "audio_stalled": {"seconds": 2.5}, "av_offset": {"seconds": -1.5}, "slow_upload":
    {"seconds": 4.0}, "uneven_upload": {"seconds": 1.2}, "clock_drift": {"ppm": -50_000.0},
}  # fmt: skip


@pytest.mark.parametrize("code", list(Code))
def test_every_sentence_can_be_said(code: Code) -> None:
    values = FIGURES.get(code.value, {})
    said = words_of(Finding(code.value, Severity.HINT, values)).text()
    assert "%(" not in said
    assert not [name for _, name, _, _ in Formatter().parse(said) if name]


def test_figures_are_rounded_for_people() -> None:
    def said(code: str, **values: float) -> str:
        return words_of(Finding(code, Severity.HINT, values)).text()

    assert "interval is 8.3 s," in said("long_gop", seconds=8.333)
    assert "interval is 10 s," in said("long_gop", seconds=9.98)
    assert said("frames_dropped", share=0.123).startswith("12.3 % of your frames")
    assert said("av_offset", seconds=-1.5) == EARLY_SOUND % {"seconds": "1.5"}
    assert said("clock_drift", ppm=-50_000.0) == SLOW_CLOCK % {"share": "5"}


async def test_one_that_cannot_be_measured_is_no_reason_to_measure_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage()
    other = ChannelRef(2, "other", 8)
    stage.service.came(other, LiveStream("other", stage.clock.monotonic))
    watch = stage.service._watches[CHANNEL.id]
    monkeypatch.setattr(watch.meter, "look", lambda: 1 / 0)
    stage.service.look()
    stage.service.look()
    assert stage.service.of(CHANNEL.id) is None
    assert stage.service.of(other.id) is not None
    assert caplog.text.count("measured no longer") == 1
    stage.handle.write(Packet(0, 0, 0, True, b"x"))
    stage.leave()
