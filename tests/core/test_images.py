"""Pictures that people send."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from metropole_core import image_decoder, images
from metropole_core.errors import Invalid, MetropoleError, TooLarge, Unavailable
from metropole_core.images import process_image

BOX = (64, 36)


def encoded(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


async def processed(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(await process_image(data, box=BOX, kind="thumbnail")))
    assert picture.format == "WEBP"
    assert picture.size == BOX
    return picture


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, without its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_format_fills_the_box(kind: str) -> None:
    for size in ((300, 40), (40, 300), (1, 1), (64, 36)):
        picture = await processed(encoded(Image.new("RGB", size, (200, 30, 30)), kind))
        red, green, blue = picture.convert("RGB").getpixel((32, 18))  # type: ignore[misc]
        assert (red > 150, green < 90, blue < 90) == (True, True, True)


async def test_what_a_camera_noted_is_applied_and_dropped() -> None:
    image = Image.new("RGB", (640, 360), "blue")
    image.paste("red", (0, 0, 640, 180))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned upside down
    exif[0x010F] = "Camera of Anna"
    data = encoded(image, "JPEG", exif=exif, comment=b"at home")
    result = await process_image(data, box=BOX, kind="thumbnail")
    assert b"Camera of Anna" not in result
    assert b"at home" not in result
    picture = Image.open(io.BytesIO(result))
    assert not picture.getexif()
    red, _, blue = picture.convert("RGB").getpixel((32, 4))  # type: ignore[misc]
    assert blue > red


async def test_an_animation_becomes_its_first_frame() -> None:
    frames = [Image.new("RGB", (64, 36), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = await processed(data)
    assert getattr(picture, "n_frames", 1) == 1
    red, _, blue = picture.convert("RGB").getpixel((32, 18))  # type: ignore[misc]
    assert red > blue


async def test_transparency_stays() -> None:
    picture = await processed(encoded(Image.new("RGBA", (64, 36), (255, 0, 0, 0)), "PNG"))
    assert picture.mode == "RGBA"
    assert picture.getpixel((1, 1))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (b"", Invalid, "Choose a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Invalid, "not a picture"),
        (b"GIF89a" + b"\0" * 50, Invalid, "not a picture"),
        (encoded(Image.new("RGB", (9, 9)), "BMP"), Invalid, "not a picture"),
        (encoded(Image.new("RGB", (99, 99)), "PNG")[:-40], Invalid, "not a picture"),
        (png_header(7000, 6000), TooLarge, "40 megapixels"),  # Pillow would only warn
        (png_header(60_000, 60_000), TooLarge, "40 megapixels"),
        (b"x" * (images.MAX_BYTES + 1), TooLarge, "at most 5 MB"),
    ],
)
async def test_what_is_refused(data: bytes, error: type[MetropoleError], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as caught:
        await process_image(data, box=BOX, kind="thumbnail")
    assert caught.value.field == "thumbnail"


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated; small, and long to decode."""
    picture = encoded(Image.new("RGB", (64, 36), "red"), "JPEG", progressive=True)
    last, end = picture.rindex(b"\xff\xda"), picture.rindex(b"\xff\xd9")
    more = count - picture.count(b"\xff\xda")
    return picture[:end] + picture[last:end] * more + picture[end:]


async def test_a_jpeg_of_very_many_scans_is_not_decoded() -> None:
    await processed(with_scans(image_decoder.MAX_SCANS))
    with pytest.raises(Invalid, match="not a picture") as caught:
        await process_image(with_scans(image_decoder.MAX_SCANS + 1), box=BOX, kind="thumbnail")
    assert caught.value.field == "thumbnail"


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.binary(max_size=200),
    at=st.integers(0, 300),
    kind=st.sampled_from(image_decoder.FORMATS),
)
def test_damage_anywhere_ends_in_a_sentence(data: bytes, at: int, kind: str) -> None:
    whole = encoded(Image.new("RGB", (40, 30), "red"), kind)
    damaged = whole[:at] + data + whole[at + len(data) :]
    try:
        result = image_decoder.decode(damaged, BOX, "thumbnail")
    except MetropoleError:
        return
    assert Image.open(io.BytesIO(result)).size == BOX


async def test_only_so_many_wait(held_pool: Callable[[], None]) -> None:
    picture = encoded(Image.new("RGB", (9, 9)), "PNG")
    work = [
        asyncio.create_task(process_image(picture, box=BOX, kind="thumbnail"))
        for _ in range(images.MAX_WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="Too many pictures"):
        await process_image(picture, box=BOX, kind="thumbnail")
    work[3].cancel()  # whoever gives up frees no place: the work is still to be done
    await asyncio.sleep(0)
    held_pool()
    done = await asyncio.gather(*work, return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in done) == images.MAX_WAITING - 1
    await process_image(picture, box=BOX, kind="thumbnail")


@pytest.fixture
def held_pool() -> Any:
    """The pool's only thread waits until the fixture is called."""
    import threading

    release = threading.Event()
    images._pool.submit(release.wait, 20)
    yield release.set
    release.set()
