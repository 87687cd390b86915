"""Why an encoder or a decoder does not open, in the words of the libraries. Runs in the worker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import av
import av.logging

MAX_WORDS = 600


def why(error: Exception, again: Callable[[], object]) -> str:
    """The error, and what FFmpeg and the drivers beneath it say of it.

    They are not listened to otherwise: whatever logs from threads of its own may lock up. So what
    failed is tried once more.

    Arguments:
        again: what failed.
    """
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with (
            av.logging.Capture() as heard,
            contextlib.suppress(av.FFmpegError, OSError, ValueError),
        ):
            again()
    finally:
        av.logging.set_level(before)
    said = dict.fromkeys(text.strip() for _, _, text in heard)
    words = getattr(error, "strerror", None) or str(error)
    return "; ".join((words, *filter(None, said)))[:MAX_WORDS]
