"""The ladder of this plugin, as a table."""

from __future__ import annotations

import pytest
from metropole_transcoder_nvenc.ladder import NvencLadder

from metropole_core.contracts.ladder import Preset, Room, Source
from metropole_core.contracts.transcoder import Capability, Encoding
from metropole_media.live import Track

PRESETS = (
    Preset("4320p", 4320, 60.0, 60_000_000),
    Preset("2160p", 2160, 60.0, 16_000_000),
    Preset("1440p", 1440, 60.0, 9_000_000),
    Preset("1080p", 1080, 60.0, 4_500_000),
    Preset("720p", 720, 60.0, 2_500_000),
    Preset("480p", 480, 60.0, 1_200_000),
    Preset("audio", 0, 0.0, 0),
)
PLENTY = 1e10
USUAL = "1080p@30:avc1.640028 720p@30:avc1.64001f 480p@30:avc1.64001f audio"
SOUND = Track(100, "audio", "mp4a", "mp4a.40.2", 48_000, b"")


def source(width: int, height: int, rate: float, fourcc: str = "avc1") -> Source:
    return Source((Track(0, "video", fourcc, fourcc, 90_000, b"", width, height), SOUND), rate)


def room(
    encode: float = PLENTY,
    decode: float = PLENTY,
    hevc: float = PLENTY,
    codecs: tuple[str, ...] = ("avc1", "hvc1"),
) -> Room:
    limits = {"avc1": (4096, 4096, 120.0, PLENTY), "hvc1": (8192, 8192, 120.0, hevc)}
    encodings = tuple(Encoding(each, *limits[each]) for each in codecs)
    capability = Capability(encodings, ("avc1", "hvc1", "av01"), PLENTY, True, "a card")
    return Room("nvenc", capability, encode, decode)


async def rungs(given: Source, space: Room | None, presets: tuple[Preset, ...] = PRESETS) -> str:
    plans = await NvencLadder().plan(given, presets, space)
    return " ".join(
        f"{plan.name}@{plan.frame_rate:g}:{plan.codec}" if plan.height else plan.name
        for plan in plans
    )


@pytest.mark.parametrize(
    ("given", "space", "expected"),
    [
        (
            source(7680, 4320, 30),
            room(),
            f"2160p@30:hvc1.1.6.L150.90 1440p@30:hvc1.1.6.L150.90 {USUAL}",
        ),
        (
            source(1920, 1080, 60),
            room(),
            "720p@60:avc1.640020 480p@60:avc1.64001f audio",
        ),
        # Another codec than H.264 is not played everywhere: one of the same size.
        (
            source(1920, 1080, 30, "hvc1"),
            room(),
            USUAL,
        ),
        # But none in the codec and size of the source.
        (
            source(2560, 1440, 30, "hvc1"),
            room(codecs=("hvc1",)),
            "audio",
        ),
        # A portrait.
        (source(1080, 1920, 30), room(), "720p@30:avc1.64001f 480p@30:avc1.64001f audio"),
        # A card without HEVC.
        (
            source(3840, 2160, 30),
            room(codecs=("avc1",)),
            f"1440p@30:avc1.640032 {USUAL}",
        ),
        # Little room: the largest goes, if half of its frames do not fit either.
        (
            source(1920, 1080, 60),
            room(encode=1280 * 720 * 30 + 854 * 480 * 60 + 1),
            "720p@30:avc1.64001f 480p@60:avc1.64001f audio",
        ),
        (source(1920, 1080, 60), room(encode=854 * 480 * 60 + 1), "480p@60:avc1.64001f audio"),
        (source(1920, 1080, 60), room(encode=1000), "audio"),
        (source(1920, 1080, 60), room(decode=1920 * 1080 * 59), "audio"),
        # HEVC that is a thousand times slower than H.264 takes the whole card.
        (
            source(3840, 2160, 30),
            room(hevc=PLENTY / 1000, encode=PLENTY),
            USUAL,
        ),
        (source(1920, 1080, 30, "vp09"), room(), "audio"),
        (source(1920, 1080, 30), None, "audio"),
    ],
)
async def test_table(given: Source, space: Room | None, expected: str) -> None:
    assert await rungs(given, space) == expected


async def test_hevc_takes_fewer_bits() -> None:
    policy = NvencLadder()
    lean, *_ = await policy.plan(source(3840, 2160, 30), PRESETS[2:3], room())
    plain, *_ = await policy.plan(source(3840, 2160, 30), PRESETS[2:3], room(codecs=("avc1",)))
    assert (lean.width, lean.height) == (plain.width, plain.height) == (2560, 1440)
    assert lean.bitrate < 0.7 * plain.bitrate


async def test_several_pictures_and_none() -> None:
    twice = source(1920, 1080, 30).tracks[0]
    several = Source((twice, twice, SOUND), 30.0)
    assert await rungs(several, room()) == "audio"
    assert await rungs(Source((SOUND,), 0.0), room()) == ""
    assert await rungs(source(1920, 1080, 30), room(), PRESETS[4:5]) == "720p@30:avc1.64001f"
