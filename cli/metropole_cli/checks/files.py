"""Looks at the site's files: configuration, key file, data folder, and what they lie on."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metropole_cli.checks.look import Look
from metropole_cli.secrecy import holds_secrets
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig

GROUP = "Configuration"
NETWORK = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs"]
)
"""File systems whose locks and shared memory SQLite's write-ahead log cannot rely on."""
NETWORK_FUSE = ("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph")


def looks(config: SiteConfig, path: Path | None) -> list[Look]:
    """Everything about files."""
    found = [
        Look(GROUP, "Configuration", "config", lambda: [configuration(path)]),
        Look(GROUP, "Key file", "key", lambda: [key_file(config.key_file)]),
        Look(GROUP, "Data folder", "data", lambda: [data_folder(config.data_dir)]),
    ]
    sqlite = sqlite_path(config.database)
    if sqlite is not None:
        mounts = Path("/proc/self/mountinfo")
        found.append(Look(GROUP, "Database file", "sqlite", lambda: [file_system(sqlite, mounts)]))
    return found


def configuration(path: Path | None) -> Finding:
    """Who can read the configuration, when secrets stand in it."""
    subject = "Configuration"
    if path is None:
        return Finding(Level.OK, subject, "no file: defaults and environment only")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077 and holds_secrets(_table(path)):
        everyone = bool(mode & 0o007)
        return Finding(
            Level.ERROR if everyone else Level.WARNING,
            subject,
            f"{path} holds a password, and {'everyone' if everyone else 'its group'} on this "
            f"machine can read it (mode {mode:04o})",
            f"chmod 600 {path}",
            "config_readable",
        )
    if mode & 0o002:
        return Finding(
            Level.ERROR,
            subject,
            f"everyone on this machine can change {path} (mode {mode:04o})",
            f"chmod 600 {path}",
            "config_writable",
        )
    return Finding(Level.OK, subject, f"{path.resolve()} can be used")


def _table(path: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))


def key_file(path: Path) -> Finding:
    """The key file exists and is for the site's eyes only."""
    subject = "Key file"
    try:
        status = path.stat()
    except FileNotFoundError:
        advice = "Make the site: metropole init. If it was lost: restore it from your copy."
        return Finding(Level.ERROR, subject, f"{path} does not exist", advice, "key_missing")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        sentence = f"{path} can be read by others (mode {mode:04o})"
        return Finding(Level.ERROR, subject, sentence, f"chmod 600 {path}", "key_readable")
    if not os.access(path, os.R_OK):
        sentence = f"{path} belongs to another account and cannot be read"
        return Finding(
            Level.ERROR, subject, sentence, f"chown it: {_chown(path)}", "key_unreadable"
        )
    return Finding(Level.OK, subject, f"{path} is there, readable by the site only")


def _chown(path: Path) -> str:
    return f"chown {os.geteuid()} {path}"


def data_folder(path: Path) -> Finding:
    """A file can be made there."""
    subject = "Data folder"
    if not path.exists():
        advice = "Make the site: metropole init"
        return Finding(Level.ERROR, subject, f"{path} does not exist", advice, "data_missing")
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"metropole")
    except OSError as error:
        return Finding(
            Level.ERROR,
            subject,
            f"{path} cannot be written: {(error.strerror or 'unknown reason').lower()}",
            f"Give it to the account that runs the site: {_chown(path)}",
            "data_unwritable",
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o007:
        return Finding(
            Level.WARNING,
            subject,
            f"everyone on this machine can look into {path}",
            f"chmod 700 {path}",
            "data_readable",
        )
    return Finding(Level.OK, subject, f"{path} can be written")


def sqlite_path(database: str) -> Path | None:
    """The file of a SQLite URL, None for other databases."""
    scheme, _, rest = database.partition(":///")
    return Path(rest.partition("?")[0]) if scheme.startswith("sqlite") and rest else None


def file_system(path: Path, mountinfo: Path) -> Finding:
    """SQLite needs a disk of this machine, and a file that can be written."""
    subject = "Database file"
    if path.exists() and not os.access(path, os.W_OK):
        return Finding(
            Level.ERROR, subject, f"{path} cannot be written", _chown(path), "sqlite_unwritable"
        )
    kind = file_system_kind(path.resolve(), mountinfo.read_text() if mountinfo.exists() else "")
    if kind in NETWORK or kind.startswith(NETWORK_FUSE):
        return Finding(
            Level.ERROR,
            subject,
            f"{path} lies on a network file system ({kind}), where SQLite loses data",
            "Move it to a local disk, or use MySQL or MariaDB.",
            "sqlite_network",
        )
    return Finding(Level.OK, subject, f"{path} lies on this machine ({kind or 'unknown'})")


def file_system_kind(path: Path, mountinfo: str) -> str:
    """The type of the file system that a path lies on, from the text of /proc/self/mountinfo;
    empty when it cannot be told."""
    best, kind = -1, ""
    for mount, found in _mounts(mountinfo):
        inside = path == mount or mount in path.parents
        # Of two mounts at one place the later one is seen.
        if inside and len(mount.parts) >= best:
            best, kind = len(mount.parts), found
    return kind


def _mounts(text: str) -> Iterator[tuple[Path, str]]:
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split()
        if separator and len(fields) > 4 and after:
            mount = fields[4].encode().decode("unicode_escape")  # \040 for a space
            yield Path(mount), after.split()[0]
