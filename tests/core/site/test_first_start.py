"""A start without `metropole init`: the key file is made only where nothing can be lost."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from metropole_core.config import SiteConfig
from metropole_core.db import migrate
from metropole_core.errors import ConfigError
from metropole_core.first_start import make_key_file


def test_an_empty_site_gets_its_key_file_once(tmp_path: Path) -> None:
    config = SiteConfig(data_dir=tmp_path / "data", auto_upgrade=True)
    make_key_file(config)
    assert stat.S_IMODE(config.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.data_dir.stat().st_mode) == 0o700
    before = config.key_file.read_bytes()
    make_key_file(config)
    assert config.key_file.read_bytes() == before


def test_beside_a_database_that_is_in_use_a_missing_one_stays_missing(
    tmp_path: Path, empty_db_url: str
) -> None:
    migrate.upgrade(empty_db_url)
    config = SiteConfig(data_dir=tmp_path / "data", auto_upgrade=True, database=empty_db_url)
    make_key_file(config)
    assert not config.key_file.exists()


def test_not_unless_the_site_may_make_its_tables(tmp_path: Path) -> None:
    config = SiteConfig(data_dir=tmp_path / "data")
    make_key_file(config)
    assert not config.key_file.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match="data"):
        make_key_file(SiteConfig(data_dir=tmp_path / "data", auto_upgrade=True))
