"""The configuration for OBS, held against the schema that OBS reads it by.

No OBS with multitrack video runs on a bare Debian (its package is older): what is checked here is
the form, field by field, as OBS Studio 30.2 to 32.2 parses it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from metropole_core.contracts.ingest import IngressPoint
from metropole_core.limits.model import Limits
from metropole_core.obs import answer, configure, wish
from metropole_core.obs.answer import ENCODERS, Bounds, Picture, encoders

POINTS = (
    IngressPoint("rtmp", "RTMP", "rtmp://tv.example/live"),
    IngressPoint("whip", "WHIP", "https://tv.example/whip"),
)
FULL_HD = Picture(1920, 1080, 60, 1)
REQUEST: dict[str, Any] = {
    "service": "IVS",
    "schema_version": "2025-01-25",
    "authentication": "my-key",
    "client": {
        "name": "obs-studio",
        "version": "32.2.2",
        "supported_codecs": ["h264", "h265", "av1"],
    },
    "capabilities": {
        "cpu": {
            "physical_cores": 8,
            "logical_cores": 16,
            "speed": 3600,
            "name": "X",
        },
        "memory": {"total": 34000, "free": 9000},
        "gaming_features": None,
        "system": {
            "version": "",
            "name": "Linux",
            "build": 0,
            "release": "",
            "revision": "",
            "bits": 64,
            "arm": False,
            "armEmulation": False,
        },
        "gpu": [
            {
                "model": "G",
                "vendor_id": 4318,
                "device_id": 1,
                "dedicated_video_memory": 1,
                "shared_system_memory": 1,
                "driver_version": None,
            }
        ],
    },
    "preferences": {
        "maximum_aggregate_bitrate": None,
        "maximum_video_tracks": 4,
        "vod_track_audio": False,
        "composition_gpu_index": 0,
        "audio_samples_per_sec": 48000,
        "audio_channels": 2,
        "audio_max_buffering_ms": 960,
        "audio_fixed_buffering": False,
        "canvases": [
            {
                "width": 1920,
                "height": 1080,
                "canvas_width": 1920,
                "canvas_height": 1080,
                "framerate": {"numerator": 60, "denominator": 1},
            }
        ],
    },
}


def asked(**preferences: Any) -> wish.Request:
    changed = {**REQUEST, "preferences": {**REQUEST["preferences"], **preferences}}
    return wish.read(msgspec.json.encode(changed))


def by_schema(sent: bytes) -> None:
    """What OBS's parser insists on (`multitrack-video.hpp`)."""
    read = msgspec.json.decode(sent)
    assert set(read["meta"]) == {"service", "schema_version", "config_id"}
    assert read["status"]["result"] == "success"
    for endpoint in read["ingest_endpoints"]:
        assert endpoint["protocol"] in ("RTMP", "RTMPS")
        assert endpoint["url_template"].endswith("/{stream_key}")
        assert "authentication" not in endpoint
    assert 1 <= len(read["encoder_configurations"]) <= 6
    for track in read["encoder_configurations"]:
        assert track["type"] in {kind.type for kind in ENCODERS.values()}
        for name in ("width", "height"):
            assert isinstance(track[name], int)
            assert track[name] % 2 == 0
        assert track["framerate"]["denominator"] >= 1
        assert track["settings"]["rate_control"] == "CBR"
        assert track["settings"]["keyint_sec"] == 2
        assert isinstance(track["settings"]["bitrate"], int)
    audio = read["audio_configurations"]
    assert audio["live"]
    for track in [*audio["live"], *(audio["vod"] or [])]:
        assert set(track) == {"codec", "track_id", "channels", "settings"}


def test_obs_gets_a_ladder_for_its_graphics_card() -> None:
    made = configure.for_request(asked(), POINTS, Limits(), "TV")
    by_schema(msgspec.json.encode(made))
    tracks = made.encoder_configurations
    assert {track.type for track in tracks} == {"obs_nvenc_h264_tex"}
    rows = [
        (track.width, track.height, track.framerate.denominator, track.settings["bitrate"])
        for track in tracks
    ]
    assert rows == [
        (1920, 1080, 1, 6090),
        (1280, 720, 2, 2400),
        (854, 480, 2, 1100),
        (640, 360, 2, 600),
    ]
    assert [point.url_template for point in made.ingest_endpoints] == [
        "rtmp://tv.example/live/{stream_key}"
    ]


def test_the_key_stands_in_no_answer() -> None:
    made = configure.for_request(asked(), POINTS, Limits(), "TV")
    assert b"my-key" not in msgspec.json.encode(made)


@pytest.mark.parametrize(
    ("system", "vendors", "expected"),
    [
        ("Windows", [4318], "nvenc"),
        ("Windows", [32902, 4318], "nvenc"),
        ("Windows", [4098], "amf"),
        ("Windows", [32902], "qsv"),
        ("Linux", [4098], "vaapi"),
        ("Linux", [], "x264"),
        ("Darwin", [4203], "x264"),
    ],
)
def test_the_encoder_fits_the_computer(system: str, vendors: list[int], expected: str) -> None:
    capabilities = {
        "system": {"name": system},
        "gpu": [{"vendor_id": each} for each in vendors] or None,
    }
    sent = msgspec.json.encode({"authentication": "k", "capabilities": capabilities})
    assert wish.encoder_of(wish.read(sent)) == expected


def test_older_versions_say_the_canvas_elsewhere() -> None:
    preferences = {"width": 1280, "height": 720, "framerate": {"numerator": 30, "denominator": 1}}
    sent = msgspec.json.encode({"authentication": "k", "preferences": preferences})
    canvas = wish.read(sent).canvas
    assert (canvas.width, canvas.height, canvas.framerate.numerator) == (1280, 720, 30)


@pytest.mark.parametrize(
    ("kind", "wished", "cores", "expected"),
    [
        ("nvenc", None, 4, 4),
        ("nvenc", 10, None, 10),
        ("nvenc", 2, 4, 2),
        ("x264", None, None, 1),
        ("x264", 4, 4, 2),
        ("x264", 4, 32, 3),
    ],
)
def test_a_processor_is_not_asked_for_more_than_it_can(
    kind: str, wished: int | None, cores: int | None, expected: int
) -> None:
    assert answer.tracks_for(kind, wished, cores) == expected


def lines(picture: Picture, bounds: Bounds) -> list[int]:
    return [min(e.width, e.height) for e in encoders(picture, ENCODERS["nvenc"], bounds)]


def test_qualities_are_spread_and_never_larger_than_the_picture() -> None:
    uhd = Picture(3840, 2160, 60, 1)
    assert lines(uhd, Bounds(4)) == [2160, 1440, 720, 360]
    assert lines(uhd, Bounds(6)) == [2160, 1440, 1080, 720, 480, 360]
    assert lines(uhd, Bounds(2)) == [2160, 1440]
    assert lines(uhd, Bounds(1)) == [2160]
    assert lines(Picture(1080, 1920, 30, 1), Bounds(4)) == [1080, 720, 480, 360]
    assert lines(Picture(320, 180, 30, 1), Bounds(4)) == [180]
    assert lines(FULL_HD, Bounds(4, height=720)) == [720, 480, 360]
    assert lines(Picture(1920, 1080, 60, 1), Bounds(99)) == [1080, 720, 480, 360]


def test_limits_hold_for_all_tracks_together() -> None:
    made = configure.for_request(asked(), POINTS, Limits(bitrate=4_000_000), "TV")
    assert sum(track.settings["bitrate"] for track in made.encoder_configurations) <= 3840
    less = configure.for_request(asked(maximum_aggregate_bitrate=3000), POINTS, Limits(), "TV")
    assert sum(track.settings["bitrate"] for track in less.encoder_configurations) <= 2840


def test_frame_rates_are_divided_by_whole_numbers() -> None:
    odd = Picture(1920, 1080, 60_000, 1001)
    rates = [e.framerate for e in encoders(odd, ENCODERS["nvenc"], Bounds())]
    assert rates == [answer.Rate(60_000, 1001)] + [answer.Rate(60_000, 2002)] * 3


def test_a_second_sound_track_only_for_who_records_one() -> None:
    assert configure.for_request(asked(), POINTS, Limits(), "TV").audio_configurations.vod is None
    vod = configure.for_request(asked(vod_track_audio=True), POINTS, Limits(), "TV")
    assert vod.audio_configurations.vod is not None
    assert vod.audio_configurations.vod[0].track_id == 2


@pytest.mark.parametrize(
    "canvas",
    [
        {"width": 0, "height": 0, "framerate": {"numerator": 30, "denominator": 1}},
        {"width": 1920, "height": 1080, "framerate": {"numerator": 30, "denominator": 0}},
        {"width": 1920, "height": 1080, "framerate": {"numerator": 30_000, "denominator": 1}},
        {"width": 99_999, "height": 1080, "framerate": {"numerator": 30, "denominator": 1}},
        {"width": 10**4000, "height": 1080, "framerate": {"numerator": 30, "denominator": 1}},
        {"width": 1920, "height": 1080, "framerate": {"numerator": 10**4000, "denominator": 1}},
        {"width": 1920, "height": 1080, "framerate": {"numerator": 30, "denominator": 10**4000}},
    ],
)
def test_senseless_pictures_are_refused(canvas: dict[str, Any]) -> None:
    with pytest.raises(configure.NoAnswer):
        configure.for_request(asked(canvases=[canvas]), POINTS, Limits(), "TV")


def test_a_site_without_rtmp_says_so() -> None:
    with pytest.raises(configure.NoAnswer, match="no RTMP"):
        configure.for_request(asked(), POINTS[1:], Limits(), "TV")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"authentication": 7}'])
def test_what_is_no_request_is_told_apart(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wish.read(body)
    with pytest.raises(ValueError, match="too long"):
        wish.read(body + b" " * (wish.MAX_OCTETS + 1))
    with pytest.raises(ValueError, match="nested too deeply"):
        wish.read(b'{"authentication": "x", "more": ' + b"[" * 60_000)
