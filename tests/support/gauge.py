"""What a process takes of the machine: memory, open files, CPU. Linux only (`/proc`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """One look.

    Fields:
        rss: KiB of resident memory.
        files: open file descriptors.
        cpu: seconds of CPU since its start, user and system.
    """

    rss: int
    files: int
    cpu: float


def usage(pid: int) -> Usage:
    """Look at a process.

    Raises:
        OSError: it is gone.
    """
    folder = Path(f"/proc/{pid}")
    # The name in brackets may hold spaces; what follows it does not.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    resident = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    files = sum(1 for _ in (folder / "fd").iterdir())
    return Usage(resident, files, (int(fields[11]) + int(fields[12])) / TICKS)
