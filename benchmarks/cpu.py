"""CPU seconds of processes, from the kernel's own account."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def seconds(*pids: int) -> float:
    """User and system time of these processes' threads that run, to the nanosecond.

    A thread that ended while it was measured is not counted.
    """
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def since_start(pid: int) -> float:
    """User and system time of a process in all, threads that have ended included, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")
