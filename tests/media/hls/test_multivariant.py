"""What players can choose from: order, attributes, what is planned and what was measured."""

from __future__ import annotations

from dataclasses import replace

from metropole_media.codecs.model import Colour
from metropole_media.hls.multivariant import (
    AudioRendition,
    Expected,
    Menu,
    Variant,
    multivariant_playlist,
)
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.live import Track
from metropole_media.packaged import Init, Part, SegmentStart
from tests.support.packaging import AUDIO, VIDEO, Clock
from tests.support.playlist_check import attributes, check_with_hls_parser

PQ = Colour(9, 16, 9)


def filled(*tracks: Track, octets: int = 0, independent: bool = True, rate: float = 60.0) -> Window:
    """A window with one segment of two seconds; empty without octets."""
    window = Window(WindowLimits(), Clock())
    if octets:
        window.add_init(Init(0, b"", tracks, 0.2, rate))
        window.begin_segment(SegmentStart(1, 1e9, False))
        window.add_part(Part(0, 2.0, independent, bytes(octets), True))
        window.end_segment(2)
    return window


def picture(
    uri: str, height: int, octets: int, codec: str = "avc1.64001f", **more: object
) -> Variant:
    tracks = (replace(VIDEO, width=height * 16 // 9, height=height, codec=codec, **more), AUDIO)  # type: ignore[arg-type]
    return Variant(uri, filled(*tracks, octets=octets), Expected(()))


def read(menu: Menu) -> list[tuple[str, dict[str, str]]]:
    text = multivariant_playlist(menu)
    check_with_hls_parser([text])
    lines = text.splitlines()
    return [
        (lines[n + 1], attributes(line.partition(":")[2]))
        for n, line in enumerate(lines)
        if line.startswith("#EXT-X-STREAM-INF")
    ]


def order(*variants: Variant) -> list[str]:
    return [uri for uri, _ in read(Menu(list(variants)))]


def test_the_first_is_the_one_to_begin_with_then_best_first_and_sound_last() -> None:
    sound = Variant("sound", filled(AUDIO, octets=30_000), Expected(()))
    source, middle, low = (
        picture("v0", 1080, 1_500_000),
        picture("v1", 720, 700_000),
        picture("v2", 360, 200_000),
    )
    assert order(source, sound, low, middle) == ["v1", "v0", "v2", "sound"]
    # Nobody is to begin with what is not there yet.
    planned = Variant(
        "v1", filled(), Expected(("avc1.64001f",), 1280, 720, 30.0, bitrate=2_000_000)
    )
    assert order(source, planned, low) == ["v2", "v0", "v1"]
    assert order(source, planned) == ["v0", "v1"]
    # All need more than that: the one that needs least.
    assert order(source, picture("v1", 720, 1_100_000)) == ["v1", "v0"]
    assert order(picture("v0", 1080, 600_000), low) == ["v0", "v2"]


def test_a_range_is_told_when_there_are_several() -> None:
    source, low = picture("v0", 1080, 1_500_000, colour=PQ), picture("v1", 360, 100_000)
    ranges = {uri: row["VIDEO-RANGE"] for uri, row in read(Menu([source, low]))}
    assert ranges == {"v0": "PQ", "v1": "SDR"}
    assert "VIDEO-RANGE" not in read(Menu([low]))[0][1]


def test_segments_are_independent_as_long_as_all_were() -> None:
    tag = "#EXT-X-INDEPENDENT-SEGMENTS"
    whole = picture("v0", 360, 1000)
    assert tag in multivariant_playlist(Menu([whole]))
    cut = Variant("v1", filled(VIDEO, octets=9, independent=False), Expected(()))
    assert tag not in multivariant_playlist(Menu([whole, cut]))


def test_pictures_without_sound_need_what_the_largest_sound_needs_too() -> None:
    pictures = Variant("v0", filled(VIDEO, octets=250_000), Expected(()))
    sounds = [
        AudioRendition(uri, filled(AUDIO, octets=size), Expected(()), uri, channels=2)
        for uri, size in (("a0", 25_000), ("a1", 50_000))
    ]
    ((_, row),) = read(Menu([pictures], sounds))
    assert (row["BANDWIDTH"], row["CODECS"]) == ("1200000", "avc1.64001f,mp4a.40.2")
    assert row["AUDIO"] == "audio"


def test_what_an_encoder_will_send_is_guessed_by_its_size() -> None:
    source = picture("v0", 1080, 1_500_000)
    small = Variant("v1", filled(), Expected(("avc1.64001e",), 960, 540, 30.0))
    rows = dict(read(Menu([source, small])))
    assert rows["v1"]["AVERAGE-BANDWIDTH"] == "1500000"
    assert rows["v1"]["BANDWIDTH"] == "1650000"


def test_8k_is_told_as_it_is() -> None:
    large = picture("v0", 4320, 25_000_000, "hvc1.2.4.H186.B0")
    ((_, row),) = read(Menu([large]))
    assert (row["RESOLUTION"], row["BANDWIDTH"], row["FRAME-RATE"]) == (
        "7680x4320", "100000000", "60.000"
    )  # fmt: skip
