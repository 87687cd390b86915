"""What creators have to know of their encoders."""

from __future__ import annotations

import pytest

from metropole_core.contracts.channels import ChannelRef
from metropole_core.contracts.events import EncoderNoticed
from metropole_core.limits import Notices, Sentence, notices
from tests.core.conftest import ManualClock, RecordedEvents

LAB, OWLS, BOATS = (ChannelRef(n, name, n) for n, name in enumerate(("lab", "owls", "boats"), 1))
WORDS = Sentence("Lower it.")


def test_the_last_one_counts_for_a_day(clock: ManualClock, events: RecordedEvents) -> None:
    kept = Notices(clock, events)
    kept.put(LAB, "warning", "bitrate", WORDS)
    kept.put(LAB, "cut", "bitrate", WORDS)
    found = kept.last(LAB.id)
    assert found is not None
    assert (found.kind, found.at.timestamp()) == ("cut", clock.time())
    assert kept.last(OWLS.id) is None
    assert events.seen == [EncoderNoticed(channel_id=1, name="lab")] * 2
    clock.advance(notices.KEPT_SECONDS + 1)
    assert kept.last(LAB.id) is None


def test_what_is_over_is_gone(clock: ManualClock, events: RecordedEvents) -> None:
    kept = Notices(clock, events)
    kept.put(LAB, "warning", "duration", WORDS)
    kept.clear(LAB, "cut")
    kept.clear(LAB, "warning", "bitrate")
    kept.clear(OWLS)
    assert kept.last(LAB.id) is not None
    assert len(events.seen) == 1
    kept.clear(LAB, "warning")
    assert kept.last(LAB.id) is None
    assert len(events.seen) == 2


def test_the_oldest_are_forgotten(
    clock: ManualClock, events: RecordedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MAX_CHANNELS", 2)
    kept = Notices(clock, events)
    for channel in (LAB, OWLS, LAB, BOATS):
        kept.put(channel, "lost", "lost", WORDS)
    assert [kept.last(each.id) is not None for each in (LAB, OWLS, BOATS)] == [True, False, True]
