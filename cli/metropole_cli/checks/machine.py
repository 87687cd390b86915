"""Looks at the machine: FFmpeg's library, disk, clock, open files."""

from __future__ import annotations

import resource
import shutil
import time
from typing import TYPE_CHECKING, Literal

from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

OLDEST_TIME = 1_767_225_600  # 2026-01-01: no machine that runs this release lives before it
DISK_LOW, DISK_FULL = 2 * 1024**3, 256 * 1024**2
FILES_WANTED = 4096
NEEDED_DECODERS = ("h264", "aac")
NEEDED_ENCODERS = ("libx264", "aac")


def examine(config: SiteConfig) -> list[Finding]:
    """Everything that needs neither database nor plugins."""
    return [ffmpeg(), disk(config), clock(time.time()), open_files()]


def ffmpeg() -> Finding:
    """FFmpeg's library with the codecs that the test picture and checks use."""
    try:
        import av
    except ImportError:
        return Finding(
            Level.WARNING,
            "FFmpeg",
            "PyAV is not installed; streams pass through, but nothing can be decoded here",
            "pip install 'metropole-media[av]'",
        )
    missing = [name for name in NEEDED_DECODERS if not _has(name, "r")]
    missing += [name for name in NEEDED_ENCODERS if not _has(name, "w")]
    if missing:
        return Finding(
            Level.WARNING,
            "FFmpeg",
            f"version {av.ffmpeg_version_info} lacks {', '.join(missing)}",
            "Install PyAV's own wheel: pip install --force-reinstall av",
        )
    return Finding(Level.OK, "FFmpeg", f"version {av.ffmpeg_version_info} has what is needed")


def _has(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.codec.Codec(name, mode)
    except ValueError:
        return False
    return True


def disk(config: SiteConfig) -> Finding:
    """Room on the disk of the data folder."""
    folder = config.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    sentence = f"{free / 1024**3:.1f} GiB free for {config.data_dir}"
    if free < DISK_FULL:
        return Finding(Level.ERROR, "Disk", sentence, "Make room, or set data_dir to another disk.")
    if free < DISK_LOW:
        return Finding(Level.WARNING, "Disk", sentence, "Make room soon.")
    return Finding(Level.OK, "Disk", sentence)


def clock(now: float) -> Finding:
    """A clock that is years off breaks sessions and certificates."""
    if now < OLDEST_TIME:
        return Finding(
            Level.ERROR, "Clock", "the machine's clock is in the past", "Switch on NTP: timedatectl"
        )
    return Finding(Level.OK, "Clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def open_files() -> Finding:
    """Each viewer needs about three open files."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    sentence = f"{soft} files may be open, enough for about {soft // 3} viewers"
    if soft < FILES_WANTED:
        return Finding(
            Level.WARNING, "Open files", sentence, "Raise it: ulimit -n 65536, or LimitNOFILE="
        )
    return Finding(Level.OK, "Open files", sentence)
