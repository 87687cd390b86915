"""When the machine has no more of something: no file may be opened, no octet stored.

One line of the log for each kind in a minute, instead of one for each who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from typing import Any

from metropole_core.errors import Told

log = logging.getLogger("metropole.server")

TELL_EVERY = 60.0
"""Seconds between two lines about the same."""
RESERVE = 128
"""Files that stay for pages, pictures and the database."""
FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})

_told: dict[str, float] = {}


def explain(error: BaseException) -> Told | None:
    """What to say of an error that is none of the site's own, None of every other. The operator
    is told."""
    if not isinstance(error, OSError):
        return None
    if error.errno in FILES:
        _tell(
            "files",
            "this process may open no more files: new connections wait. Raise the limit "
            "(ulimit -n, LimitNOFILE=) or lower `max_connections` (%s)",
            error,
        )
        return Told("The site is very busy. Try again in a moment.", retry_after=5)
    if error.errno in SPACE:
        _tell("space", "nothing can be stored in the data folder: look at its disk (%s)", error)
        return Told(
            "The site cannot keep anything right now. Try again in a minute.", retry_after=60
        )
    return None


def connections_possible(wanted: int) -> int:
    """How many connections of the site port fit, at most `wanted`: half of the files that this
    process may open, since players and encoders need theirs. The soft limit is raised towards the
    hard one first."""
    try:
        import resource
    except ImportError:
        return wanted  # not on Unix: there is no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    goal = 2 * wanted + RESERVE
    if hard != resource.RLIM_INFINITY:
        goal = min(goal, hard)
    if goal > soft:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
            soft = goal
    return max(10, min(wanted, (soft - RESERVE) // 2))


def watch_accepting(loop: asyncio.AbstractEventLoop) -> None:
    """Tell once when connections cannot be accepted. The loop tries again every second, and
    would write a traceback for each port each time."""
    former = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        accepting = str(context.get("message", "")).startswith("socket.accept()")
        if accepting and error is not None and explain(error) is not None:
            return
        if former is not None:
            former(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _tell(kind: str, sentence: str, error: OSError) -> None:
    now = asyncio.get_running_loop().time()
    if now - _told.get(kind, float("-inf")) >= TELL_EVERY:
        _told[kind] = now
        log.error(sentence, error.strerror)
