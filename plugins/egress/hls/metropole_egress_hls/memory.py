"""How much memory this machine has, as far as this process may use it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/memory.max")
SHARE = 4
"""All streams together take a quarter, where the operator says nothing."""
LEAST = 64 * 1024 * 1024


def machine_memory(cgroup: Path = CGROUP) -> int:
    """Octets: of the machine, or of the control group (a container) that we are in."""
    octets = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # there is none, or it says "max"
        octets = min(octets, int(cgroup.read_text()))
    return octets


def total_octets(memory_total_mib: int) -> int:
    """What all streams together may take; 0 stands for the share of the machine."""
    if memory_total_mib:
        return memory_total_mib * 1024 * 1024
    return max(LEAST, machine_memory() // SHARE)
