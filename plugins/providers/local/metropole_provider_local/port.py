"""Why a port cannot be opened, in words: who holds it, and which setting moves us."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from metropole_provider_local.settings import SETTING

LISTENING = "0A"
"""`TCP_LISTEN` in /proc/net/tcp"""

PROC = Path("/proc")


def why_not(error: OSError, bind: str, port: int) -> tuple[str, str]:
    """What is wrong, and what to do about it: two parts of a sentence."""
    if error.errno == errno.EADDRINUSE:
        who = holder(port)
        sentence = f"The media port {bind} is taken by {who or 'another program'}"
        return sentence, f"end that program, or set another port: {SETTING}"
    if error.errno == errno.EACCES:
        sentence = f"The media port {bind} may not be opened by this user"
        return sentence, f"set a port above 1023: {SETTING}"
    if error.errno == errno.EADDRNOTAVAIL:
        sentence = f"The media address {bind} does not belong to this machine"
        return sentence, f"set one that does, such as 127.0.0.1 or 0.0.0.0: {SETTING}"
    reason = (error.strerror or str(error)).lower()
    return f"The media port {bind} cannot be opened ({reason})", f"check {SETTING}"


def holder(port: int, proc: Path = PROC) -> str | None:
    """The program that listens on a TCP port, as "name (process 12)".

    None when it cannot be told: not on Linux, or a program of another user.
    """
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not wanted:
        return None
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(entry) in wanted for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text(errors="replace").strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return None


def _inodes(port: int, proc: Path) -> list[str]:
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            local, state, inode = columns[1], columns[3], columns[9]
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                found.append(inode)
    return found
