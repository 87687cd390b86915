"""The key file: who may read it, and what its keys do."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from metropole_core.errors import ConfigError
from metropole_core.keys import SiteKeys


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "site.key"
    made = SiteKeys.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SiteKeys.load(path).hash("p", "x") == made.hash("p", "x")


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    SiteKeys.create(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        SiteKeys.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "site.key"
    SiteKeys.create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        SiteKeys.load(path)
    path.chmod(0o400)
    SiteKeys.load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"metropole-key-1:", b"metropole-key-1:c2hvcnQ=", b"metropole-key-2:" + b"A" * 43 + b"=",
     b"metropole-key-1:" + b"!" * 44, b"\xff\xfe"],
)  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=re.escape(str(path))) as caught:
        SiteKeys.load(path)
    assert caught.value.field == "key_file"


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="metropole init"):
        SiteKeys.load(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        SiteKeys.create(tmp_path / "file" / "site.key")


def test_hashes_differ_by_purpose_and_site(tmp_path: Path) -> None:
    one, two = SiteKeys.create(tmp_path / "1"), SiteKeys.create(tmp_path / "2")
    assert re.fullmatch("[0-9a-f]{64}", one.hash("a", "x"))
    assert one.hash("a", "x") == one.hash("a", "x")
    assert (
        len({one.hash("a", "x"), one.hash("b", "x"), one.hash("a", "y"), two.hash("a", "x")}) == 4
    )


def test_encryption_round_trip_and_tampering(tmp_path: Path) -> None:
    one, two = SiteKeys.create(tmp_path / "1"), SiteKeys.create(tmp_path / "2")
    sealed = one.encrypt("a", "gehëim")
    assert "geh" not in sealed
    assert one.encrypt("a", "gehëim") != sealed
    assert one.decrypt("a", sealed) == "gehëim"
    changed = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]
    for keys, purpose, text in (
        (two, "a", sealed),
        (one, "b", sealed),
        (one, "a", changed),
        (one, "a", sealed[:-8]),
        (one, "a", "not base64!"),
        (one, "a", ""),
    ):
        with pytest.raises(ConfigError, match="does not fit the database"):
            keys.decrypt(purpose, text)


def test_the_secret_shows_nowhere(tmp_path: Path) -> None:
    keys = SiteKeys.create(tmp_path / "site.key")
    secret = (tmp_path / "site.key").read_text().strip().partition(":")[2]
    assert secret not in repr(keys)
    assert secret not in str(vars(keys))
