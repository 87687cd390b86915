"""What the creator's choice of latency makes of a stream."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from metropole_egress_hls.latency import pace

from metropole_core.contracts.latency import Latency
from metropole_core.testing import make_broadcast
from tests.support.playlist_check import check_playlist

PARTS = {Latency.NORMAL: 1.0, Latency.LOW: 0.2, Latency.ULTRA_LOW: 0.1}


@pytest.mark.parametrize("latency", Latency)
def test_parts_and_distance_follow_it(house, make_media, latency: Latency) -> None:
    house.stream, house.output = house.open(replace(make_broadcast("chosen"), latency=latency))
    house.began = house.clock.monotonic()
    house.send(house.publish(), make_media(5))

    source = house.output.source()
    assert (source.latency, source.target_ms) == (latency, pace(latency, 0.2).target_ms)
    assert source.latency_ms > source.target_ms
    text = house.text()
    assert check_playlist(text).part_target == pytest.approx(PARTS[latency], abs=0.02)
    (told,) = re.findall(r"PART-HOLD-BACK=([\d.]+)", text)
    assert float(told) == pytest.approx(source.target_ms / 1000)


def test_less_delay_means_shorter_parts() -> None:
    normal, low, ultra_low = (pace(latency, 0.2) for latency in Latency)
    assert normal.behind_seconds > low.behind_seconds > ultra_low.behind_seconds
    assert normal.part_seconds > low.part_seconds > ultra_low.part_seconds


@pytest.mark.parametrize("latency", Latency)
@pytest.mark.parametrize("part", [0.05, 0.2, 1.0])
def test_whatever_the_operator_set_players_have_room_for_three_parts(
    latency: Latency, part: float
) -> None:
    made = pace(latency, part)
    assert made.behind_seconds >= 3 * made.part_seconds
    if latency is Latency.LOW:
        assert made.part_seconds == part
