"""Several renditions of one stream: named, served, shed."""

from __future__ import annotations

import pytest

from metropole_media.ladder import RenditionPlan
from tests.support.playlist_check import ReadPlaylist, check_playlist

HD = RenditionPlan("480p", 854, 480, 30.0, 1_500_000, "avc1.64001e")
SD = RenditionPlan("240p", 426, 240, 30.0, 400_000, "avc1.640015")
SOUND = RenditionPlan("audio", 0, 0, 0.0, 0, "")


def variants(house) -> list[str]:
    text = house.get("index.m3u8").body.decode()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def playlist(house, name: str) -> ReadPlaylist:
    return check_playlist(house.get(name).body.decode())


def dates(read: ReadPlaylist) -> dict[int, float]:
    return {segment.number: segment.date.timestamp() for segment in read.segments}


def test_renditions_are_aligned_and_served(make_house, make_media, make_feed) -> None:
    house = make_house(plans=(HD, SD, SOUND))
    publisher = house.publish()
    feeds = {"hd": make_feed(house, HD, 0.3), "sd": make_feed(house, SD, 0.9)}
    house.transcode(publisher, make_media(21), **feeds)
    assert variants(house)[-1] == "a0.m3u8"
    assert sorted(variants(house)) == ["a0.m3u8", "v0.m3u8", "v1.m3u8", "v2.m3u8"]
    source = playlist(house, "v0.m3u8")
    for name in ("v1.m3u8", "v2.m3u8", "a0.m3u8"):
        other = playlist(house, name)
        assert (other.target, other.first, other.discontinuities) == (2, 1, 0)
        for number, at in dates(other).items():
            assert at == pytest.approx(dates(source)[number], abs=0.012)
        assert {each for each, _, _ in other.reports} == {
            "v0.m3u8", "v1.m3u8", "v2.m3u8", "a0.m3u8"
        } - {name}  # fmt: skip
        assert all(segment.parts[0].independent for segment in other.segments[-2:])
        for segment in other.segments:
            assert house.get(segment.map).body[4:8] == b"ftyp"
            assert segment.uri is None or house.get(segment.uri).body
    assert house.available == [pytest.approx(house.began + 2.9, abs=0.05)]
