"""Pictures that people send: bounded, decoded, and encoded anew. Never served as sent."""

from __future__ import annotations

import asyncio
import io
import warnings
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps

from metropole_core.errors import Invalid, MetropoleError, TooLarge, Unavailable

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_SCANS = 100
"""Of a progressive JPEG, which has about ten. Each is a pass over all pixels and takes only some
60 octets, so that 5 MB of them would keep the decoder busy for half an hour."""
QUALITY = 82
MAX_WAITING = 16
"""Pictures in work or waiting; one decodes at a time, in up to 300 MB of memory."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Pillow only warns of a picture of up to twice that number.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="images")
_waiting = 0


async def process_image(data: bytes, *, box: tuple[int, int], kind: str) -> bytes:
    """A picture as WebP that fills `box` exactly, cut at the longer sides.

    The orientation that a camera noted is applied; all other metadata is dropped; of an
    animation the first frame is taken; transparency is kept.

    Arguments:
        data: PNG, JPEG, WebP or GIF, at most 5 MiB and 40 megapixels.
        box: width and height in pixels.
        kind: name of the form field, for the error ("thumbnail").

    Raises:
        TooLarge: more bytes or pixels than that.
        Invalid: it is no such picture, or damaged.
        Unavailable: too many pictures are waiting.
    """
    global _waiting
    if len(data) > MAX_BYTES:
        raise TooLarge("The picture can have at most 5 MB.", field=kind)
    if not data:
        raise Invalid("Choose a picture first.", field=kind)
    if _waiting >= MAX_WAITING:
        raise Unavailable("Too many pictures at once. Try again in a moment.", retry_after=10)
    _waiting += 1
    try:
        work = asyncio.get_running_loop().run_in_executor(_pool, _process, data, box, kind)
        # The place is free when the work is done, not when the one who asked has gone.
        work.add_done_callback(_one_less)
    except BaseException:
        _waiting -= 1
        raise
    return await work


def _one_less(_: object) -> None:
    global _waiting
    _waiting -= 1


def _process(data: bytes, box: tuple[int, int], kind: str) -> bytes:
    too_many = TooLarge(
        f"The picture can have at most {MAX_PIXELS // 1_000_000} megapixels.", field=kind
    )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise too_many
            # Inside a scan this octet pair never stands, 0xFF being stuffed (T.81, F.1.2.3).
            if image.format == "JPEG" and data.count(b"\xff\xda") > MAX_SCANS:
                raise _unreadable(kind)
            # JPEG can be decoded smaller, which saves most of the work and memory.
            image.draft(None, (box[0] * 2, box[1] * 2))
            image.load()
            upright = ImageOps.exif_transpose(image)
            see_through = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
            flat = upright.convert("RGBA" if see_through else "RGB")
            fitted = ImageOps.fit(flat, box, method=Image.Resampling.LANCZOS)
            fitted.info.clear()
            out = io.BytesIO()
            fitted.save(out, "WEBP", quality=QUALITY, method=4)
            return out.getvalue()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many from None
    except MetropoleError:
        raise
    except Exception as error:  # decoders raise almost anything on damaged data
        raise _unreadable(kind) from error


def _unreadable(kind: str) -> Invalid:
    return Invalid(
        "This is not a picture that can be read. Send a PNG, JPEG, WebP or GIF.", field=kind
    )
