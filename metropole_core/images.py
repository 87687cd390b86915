"""Pictures that people send: bounded, decoded, and encoded anew. Never served as sent."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from metropole_core.errors import Invalid, TooLarge, Unavailable

MAX_BYTES = 5 * 1024 * 1024
MAX_WAITING = 16
"""Pictures in work or waiting; one decodes at a time, in up to 300 MB of memory."""

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
    from metropole_core.image_decoder import decode  # a start need not wait for Pillow

    return decode(data, box, kind)
