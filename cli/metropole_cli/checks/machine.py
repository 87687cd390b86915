"""Looks at the machine: FFmpeg's library, disk, memory, processors, clock."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from metropole_cli.checks.look import Look
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

GROUP = "Machine"
GIB = 1024**3
OLDEST_TIME = 1_767_225_600  # 2026-01-01: no machine that runs this release lives before it
DISK_LOW, DISK_FULL = 2 * GIB, GIB // 4
INODES_LOW = 10_000
MEMORY_SMALL, MEMORY_LOW = 1 * GIB, GIB // 4
NEEDED_DECODERS = ("h264", "aac")
NEEDED_ENCODERS = ("libx264", "aac")


def looks(config: SiteConfig) -> list[Look]:
    """Everything that needs neither database nor plugins."""
    return [
        Look(GROUP, "FFmpeg", "ffmpeg", lambda: [ffmpeg()]),
        Look(GROUP, "Disk", "disk", lambda: [disk(config.data_dir)]),
        Look(GROUP, "Memory", "memory", lambda: [memory()]),
        Look(GROUP, "Processors", "processors", lambda: [processors()]),
        Look(GROUP, "Clock", "clock", lambda: [clock(time.time())]),
    ]


def ffmpeg() -> Finding:
    """FFmpeg's library. Streams pass through without it; the demonstration, `doctor --channel`
    and what re-encodes need it."""
    try:
        import av
    except ImportError:
        return Finding(
            Level.OK,
            "FFmpeg",
            "PyAV is not installed; streams pass through without it. `metropole demo` needs it, "
            "and `metropole doctor --channel` sees more with it: pip install 'metropole-media[av]'",
            code="ffmpeg_absent",
        )
    missing = [name for name in NEEDED_DECODERS if not _has(name, "r")]
    missing += [name for name in NEEDED_ENCODERS if not _has(name, "w")]
    if missing:
        return Finding(
            Level.WARNING,
            "FFmpeg",
            f"version {av.ffmpeg_version_info} lacks {', '.join(missing)}",
            "Install PyAV's own wheel: pip install --force-reinstall av",
            "ffmpeg_codecs",
        )
    return Finding(Level.OK, "FFmpeg", f"version {av.ffmpeg_version_info} has what is needed")


def _has(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.codec.Codec(name, mode)
    except ValueError:
        return False
    return True


def disk(data_dir: Path) -> Finding:
    """Room on the disk of the data folder: octets, and files that can still be made."""
    folder = data_dir
    while not folder.exists():
        folder = folder.parent
    free, system = shutil.disk_usage(folder).free, os.statvfs(folder)
    sentence = f"{free / GIB:.1f} GiB free for {data_dir}"
    if free < DISK_FULL:
        advice = "Make room, or set data_dir to another disk."
        return Finding(Level.ERROR, "Disk", sentence, advice, "disk_full")
    if system.f_files and system.f_favail < INODES_LOW:  # some file systems count none
        return Finding(
            Level.WARNING,
            "Disk",
            f"room for only {system.f_favail} more files (inodes) at {data_dir}",
            "Remove many small files, or set data_dir to another disk: df -i",
            "disk_inodes",
        )
    if free < DISK_LOW:
        return Finding(Level.WARNING, "Disk", sentence, "Make room soon.", "disk_low")
    return Finding(Level.OK, "Disk", sentence)


def memory(proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> Finding:
    """What the machine, or the container's limit, leaves."""
    total, available = _meminfo(proc.read_text())
    limit = _number(cgroup / "memory.max")
    if limit is not None and limit < total:
        total = limit
        available = min(available, max(0, limit - (_number(cgroup / "memory.current") or 0)))
    sentence = f"{total / GIB:.1f} GiB, of which {available / GIB:.1f} GiB are available"
    if available < MEMORY_LOW:
        advice = "End other programs, or add memory: the system may end the site while it is live."
        return Finding(Level.WARNING, "Memory", sentence, advice, "memory_low")
    if total < MEMORY_SMALL:
        advice = "Enough for a few streams; lower `memory_total_mib` of [plugin.egress_hls]."
        return Finding(Level.WARNING, "Memory", sentence, advice, "memory_small")
    return Finding(Level.OK, "Memory", sentence)


def _meminfo(text: str) -> tuple[int, int]:
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if ":" in line}
    return kib["MemTotal"] * 1024, kib.get("MemAvailable", kib["MemFree"]) * 1024


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def processors(cgroup: Path = Path("/sys/fs/cgroup")) -> Finding:
    """How many there are for this process."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = float(count or 1)
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        share = min(share, int(quota) / int(period))
    except (OSError, ValueError):
        pass  # no limit
    sentence = f"{share:g} for this site"
    if share < 1:
        advice = "Give the container at least one: pages and video wait for each other."
        return Finding(Level.WARNING, "Processors", sentence, advice, "processors_few")
    return Finding(Level.OK, "Processors", sentence)


def clock(now: float) -> Finding:
    """A clock that is years off breaks sessions and certificates."""
    if now < OLDEST_TIME:
        return Finding(
            Level.ERROR,
            "Clock",
            "the machine's clock is in the past",
            "Switch on NTP: timedatectl set-ntp true",
            "clock_wrong",
        )
    return Finding(Level.OK, "Clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))
