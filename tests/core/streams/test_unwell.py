"""Creators read what is wrong with their stream."""

from __future__ import annotations

import pytest

from metropole_core.contracts.events import StreamUnwell
from metropole_core.streams.unwell import WORDS, Unwell
from metropole_media.packaged import Health
from tests.core.streams.conftest import House


@pytest.mark.parametrize(
    ("code", "said"), [("long_gop", WORDS["long_gop"]), ("odd", "100 % odd. Mend it.")]
)
async def test_what_is_heard_is_shown(house: House, code: str, said: str) -> None:
    channel = await house.channel()
    Unwell(house.channels, house.limiter.notices, house.events)
    sentence = "100 % odd. Mend it."
    house.events.publish(StreamUnwell(channel_id=channel.id, code=code, sentence=sentence))
    house.events.publish(StreamUnwell(channel_id=9999, code=code, sentence=sentence))
    await house.events.settle()
    notice = house.limiter.notices.last(channel.id)
    assert notice is not None
    assert (notice.kind, notice.code, notice.words.text()) == ("warning", code, said)


def test_all_that_a_packager_finds_has_words() -> None:
    assert set(WORDS) == {health.value for health in Health}
