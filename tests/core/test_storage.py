"""Stored pictures: what goes in comes out by its key, and a key reaches nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from metropole_core.errors import Unavailable
from metropole_core.storage import Storage


def test_put_find_delete(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "files")
    key = storage.put("avatar-1", b"picture", "image/webp")
    assert storage.url(key) == f"/files/{key}"
    path = storage.path(key)
    assert path is not None
    assert path.read_bytes() == b"picture"
    assert storage.put("avatar-1", b"picture", "image/webp") == key
    assert storage.put("avatar-1", b"other", "image/webp") != key
    assert len(list((tmp_path / "files").iterdir())) == 2  # nothing half written is left
    storage.delete(key)
    storage.delete(key)
    assert storage.path(key) is None


@pytest.mark.parametrize(
    "key",
    ["../secret.webp", "/etc/passwd", "a/b.webp", "..", "", ".hidden.webp", "a\0.webp", "x" * 500,
     "A.webp", "site.key/../x.webp", "a.webp\n"],
)  # fmt: skip
def test_keys_from_a_request_reach_no_other_file(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret.webp").touch()
    storage = Storage(tmp_path / "files")
    storage.put("a", b"x", "image/webp")
    assert storage.path(key) is None
    storage.delete(key)
    assert (tmp_path / "secret.webp").exists()


def test_what_cannot_be_stored(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "files")
    with pytest.raises(ValueError, match="cannot name"):
        storage.put("../a", b"x", "image/webp")
    with pytest.raises(KeyError):
        storage.put("a", b"x", "text/html")
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="could not be stored"):
        Storage(tmp_path / "file").put("a", b"x", "image/webp")
