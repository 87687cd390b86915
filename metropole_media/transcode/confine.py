"""What a worker does to itself before it touches a stream, so that the site always goes on.

Linux; elsewhere what is not there is left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1
OOM_SCORE = "700"
"""Of 1000: when RAM ends, the kernel takes a worker before the site or its database."""
ADDRESS_FACTOR = 2
PAGE = os.sysconf("SC_PAGE_SIZE")


def confine(niceness: int, memory_octets: int) -> None:
    """Give way to everyone, die with the parent, be the first to go when memory is short.

    The kernel refuses memory beyond twice the bound at once; that the bound itself is kept is for
    the one who looks at `memory` now and then.
    """
    _die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(niceness)
    with contextlib.suppress(OSError, AttributeError):
        # Threads that encode do not push aside those that answer.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    with contextlib.suppress(OSError, ValueError):
        limit = memory_octets * ADDRESS_FACTOR
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def memory() -> int:
    """Octets of RAM that this process holds now; 0 where that cannot be read."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return 0


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
