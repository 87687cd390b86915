"""The built-in policy: what a stream gets."""

from __future__ import annotations

import pytest

from metropole_core.config.presets import PRESETS, USUAL
from metropole_core.contracts.ladder import Preset, Room, Source
from metropole_core.testing import make_capability
from metropole_core.transcoding.standard import StandardLadder
from metropole_media.live import Track

ALL = tuple(PRESETS[name] for name in USUAL)
SOUND = Track(100, "audio", "mp4a", "mp4a.40.2", 48_000, b"", sample_rate=48_000, channels=2)
PIXELS_60 = 1280 * 720 * 60 + 854 * 480 * 30 + 640 * 360 * 30


def video(width: int, height: int, fourcc: str = "avc1", number: int = 0) -> Track:
    return Track(number, "video", fourcc, "avc1.64002a", 90_000, b"", width, height)


def room(encode: float = 1e12, *, hardware: bool = True, decode: float = 1e12) -> Room:
    return Room("fake", make_capability(1e9, hardware=hardware), encode, decode)


async def names(source: Source, presets: tuple[Preset, ...] = ALL, free: Room | None = None) -> str:
    plans = await StandardLadder().plan(source, presets, free or room())
    return " ".join(
        f"{p.name}:{p.width}x{p.height}@{p.frame_rate:g}" if p.height else p.name for p in plans
    )


@pytest.mark.parametrize(
    ("width", "height", "rate", "fourcc", "made"),
    [
        (1920, 1080, 60, "avc1", "720p:1280x720@60 480p:854x480@30 360p:640x360@30 audio"),
        (1920, 1080, 30, "avc1", "720p:1280x720@30 480p:854x480@30 360p:640x360@30 audio"),
        (1080, 1920, 50, "avc1", "720p:720x1280@50 480p:480x854@25 360p:360x640@25 audio"),
        (1280, 720, 60, "avc1", "480p:854x480@30 360p:640x360@30 audio"),
        (640, 360, 30, "avc1", "audio"),
        # A little larger than a preset is no reason to encode it.
        (1300, 732, 30, "avc1", "480p:852x480@30 360p:640x360@30 audio"),
        # What not everyone can play also gets its own size.
        (1280, 720, 30, "hvc1", "720p:1280x720@30 480p:854x480@30 360p:640x360@30 audio"),
        # Nobody can decode it here.
        (1280, 720, 30, "av01", "audio"),
        # Nobody knows the frame rate.
        (1280, 720, 0, "avc1", "480p:854x480@30 360p:640x360@30 audio"),
    ],
)
async def test_by_source(width: int, height: int, rate: float, fourcc: str, made: str) -> None:
    source = Source((video(width, height, fourcc), SOUND), rate)
    assert await names(source) == made


async def test_8k_gets_all_that_the_encoder_can_make() -> None:
    made = await names(Source((video(7680, 4320), SOUND), 60))
    assert made.split()[0] == "2160p:3840x2160@60"
    portrait = await names(Source((video(4320, 7680), SOUND), 60))
    assert portrait.split()[0] == "2160p:2160x3840@60"
    with_8k = await names(Source((video(7680, 4320, "hvc1"),), 60), (PRESETS["4320p"], *ALL))
    assert "4320p" not in with_8k  # the encoder makes 4K at most


@pytest.mark.parametrize(
    ("encode", "made"),
    [
        (PIXELS_60, "720p:1280x720@60 480p:854x480@30 360p:640x360@30"),
        # The largest has half its frames before it is left out.
        (PIXELS_60 - 1, "720p:1280x720@30 480p:854x480@30 360p:640x360@30"),
        (PIXELS_60 - 1280 * 720 * 31, "480p:854x480@30 360p:640x360@30"),
        (640 * 360 * 30, "360p:640x360@30"),
        (640 * 360 * 30 - 1, ""),
        (0, ""),
    ],
)
async def test_by_room_to_encode(encode: float, made: str) -> None:
    source = Source((video(1920, 1080),), 60)
    assert await names(source, free=room(encode)) == made


async def test_by_room_to_decode() -> None:
    source, pixels = Source((video(1920, 1080),), 60), 1920 * 1080 * 60
    assert await names(source, free=room(decode=pixels)) != ""
    assert await names(source, free=room(decode=pixels - 1)) == ""
    # A processor that decodes half its time has half of it left to encode.
    half = room(2 * PIXELS_60, hardware=False, decode=2 * pixels)
    less = room(2 * PIXELS_60 - 9, hardware=False, decode=2 * pixels)
    assert (await names(source, free=half)).startswith("720p:1280x720@60")
    assert (await names(source, free=less)).startswith("720p:1280x720@30")


async def test_halved_rungs_say_so_in_bitrate_and_codec() -> None:
    source = Source((video(1920, 1080),), 60)
    policy = StandardLadder()
    whole = (await policy.plan(source, ALL, room()))[0]
    halved = (await policy.plan(source, ALL, room(PIXELS_60 - 1)))[0]
    assert (whole.bitrate, whole.codec) == (3_540_000, "avc1.640020")
    assert (halved.bitrate, halved.codec) == (2_500_000, "avc1.64001f")


async def test_sound_alone() -> None:
    policy = StandardLadder()
    source = Source((video(1920, 1080), SOUND), 60)
    (alone,) = await policy.plan(source, ALL, None)
    assert alone.audio_only
    assert await policy.plan(source, ALL[:-1], None) == ()
    # Neither silent pictures nor sound without a picture have anything to take away.
    assert await policy.plan(Source((video(1920, 1080),), 60), ALL, None) == ()
    assert await policy.plan(Source((SOUND,), 0), ALL, room()) == ()


async def test_encoders_that_make_qualities_themselves() -> None:
    tracks = (video(1920, 1080), video(1280, 720, number=1), SOUND)
    assert await names(Source(tracks, 60)) == "audio"


async def test_only_what_is_allowed() -> None:
    source = Source((video(1920, 1080), SOUND), 60)
    assert await names(source, (PRESETS["480p"],)) == "480p:854x480@30"
    own = Preset("small", 100, 10, 100_000)
    assert await names(source, (own, PRESETS["720p"])) == "720p:1280x720@60 small:178x100@10"
