"""Where pictures lie: a folder of the data directory, served under /files/."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path

from metropole_core.errors import Unavailable

EXTENSIONS = {"image/webp": ".webp"}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,120}\.[a-z0-9]{2,5}")


class Storage:
    """Files by key. A key that `put` gives holds a hash of the content: what it names never
    changes, so browsers and caches may keep it for ever."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes, content_type: str) -> str:
        """Keep `data`; blocks for as long as the disk takes.

        Arguments:
            name: what it is, small letters, digits and dashes ("thumbnail-12").
            content_type: one of `EXTENSIONS`.

        Returns:
            Its key, which is also its file name.

        Raises:
            Unavailable: the disk is full or cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()[:20]
        return self._write(f"{name}-{digest}", data, content_type)

    def replace(self, name: str, data: bytes, content_type: str) -> str:
        """Keep `data` in place of what bore that name; otherwise as `put`."""
        return self._write(name, data, content_type)

    def _write(self, name: str, data: bytes, content_type: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a stored file")
        key = f"{name}{EXTENSIONS[content_type]}"
        target = self._folder / key
        passing = self._folder / f".{secrets.token_hex(8)}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Renamed when whole: nobody is ever served half of it.
            with passing.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            passing.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                passing.unlink()
            raise Unavailable(
                f"The picture could not be stored ({error.strerror}). Tell the people who run"
                " this site.",
            ) from error
        return key

    def url(self, key: str) -> str:
        """Its path on the site."""
        return f"/files/{key}"

    def path(self, key: str) -> Path | None:
        """The file of that key, None when there is none. Safe for keys from a request."""
        if not _KEY.fullmatch(key):
            return None
        path = self._folder / key
        return path if path.is_file() else None

    def size(self, key: str) -> int:
        """Octets of that file, 0 when there is none."""
        path = self.path(key)
        try:
            return path.stat().st_size if path is not None else 0
        except OSError:
            return 0

    def total(self) -> int:
        """Octets of all files; blocks for as long as the disk takes."""
        total = 0
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # gone meanwhile
                    total += entry.stat().st_size
        return total

    def delete(self, key: str) -> None:
        """Forget it; does nothing when it is gone already."""
        path = self.path(key)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()
