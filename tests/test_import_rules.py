"""Who may know whom: the plan of the house, read from the imports.

What is looked at is the installed packages, not the working folder, so a file that a wheel leaves
out is missed here as it would be by a user.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.support.imports import breaches

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES: list[str] = SETTINGS["root_packages"]
PLUGINS = [name for name in PACKAGES if name not in ("metropole_core", "metropole_media")]


def folder(package: str) -> Path:
    """Where an installed package lies."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent


def test_the_rules_between_packages(tmp_path: Path) -> None:
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", linter, "--config", str(ROOT / "pyproject.toml"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_package_is_under_the_rules() -> None:
    members = [ROOT / "cli", *(ROOT / "themes").iterdir(), *(ROOT / "plugins").glob("*/*")]
    found = {
        inner.name
        for member in members
        if (member / "pyproject.toml").exists()
        for inner in member.glob("metropole_*")
        if (inner / "__init__.py").exists()
    }
    assert found == set(PLUGINS)
    installed = {entry.value.partition(".")[0] for entry in entry_points(group="metropole")}
    assert installed >= found - {"metropole_cli"}
    for contract in SETTINGS["contracts"]:
        if contract["id"] in ("media", "core"):
            assert set(contract["forbidden_modules"]) >= set(PLUGINS), contract["id"]
        if contract["id"] == "public-page":
            assert set(contract["source_modules"]) == set(PLUGINS) - {"metropole_cli"}
        if contract["id"] == "plugins":
            assert set(contract["modules"]) == set(PLUGINS)


def test_every_folder_with_a_store_is_a_concept() -> None:
    (rule,) = (contract for contract in SETTINGS["contracts"] if contract["id"] == "concepts")
    concepts = {name.removesuffix(".**") for name in rule["source_modules"]}
    stores = {
        f"metropole_core.{path.parent.name}" for path in folder("metropole_core").glob("*/store.py")
    }
    assert stores
    assert stores <= concepts


@pytest.mark.parametrize("package", PACKAGES)
def test_the_rules_within_packages(package: str) -> None:
    base = folder(package)
    files = [path for path in base.rglob("*.py") if "node_modules" not in path.parts]
    assert files
    found = []
    for path in files:
        name = f"{package}/{path.relative_to(base).as_posix()}"
        found += breaches(name, path.read_text())
    assert not found, "\n".join(found)


STORE, SERVICE = "metropole_core/chat/store.py", "metropole_core/chat/service.py"
JOB = "metropole_media/transcode/job.py"
PLUGIN, MACHINE = "metropole_egress_hls/plugin.py", "metropole_core/streams/machine.py"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (SERVICE, "import sqlalchemy as sa"),
        (SERVICE, "def f():\n    from sqlalchemy import select"),
        (SERVICE, "from metropole_core.db.tables import users"),
        (SERVICE, "from metropole_core.db import tables"),
        (SERVICE, "if TYPE_CHECKING:\n    import databases"),
        (SERVICE, "q = 'SELECT id FROM users WHERE x'"),
        (SERVICE, "q = f'DELETE FROM users WHERE {x}'"),
        (PLUGIN, "import sqlite3"),
        (SERVICE, "from quart import request"),
        (MACHINE, "import time"),
        (MACHINE, "from asyncio import sleep"),
        ("metropole_media/rtmp/chunks.py", "import secrets"),
        ("metropole_media/http/listener.py", "import uvloop"),
        ("metropole_media/codecs/avc.py", "import av"),
        (JOB, "from metropole_media.transcode.decoding import Decoder"),
        (JOB, "from metropole_media.transcode import making"),
    ],
)
def test_a_breach_is_found(path: str, source: str) -> None:
    assert len(breaches(path, source)) >= 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (STORE, "import sqlalchemy as sa\nfrom metropole_core.db.tables import users"),
        ("metropole_core/db/migrations/versions/0001_first.py", "from alembic import op"),
        (SERVICE, "from metropole_core.db.connection import Database"),
        (SERVICE, "text = 'Select a picture from your computer'"),
        ("metropole_core/pages/home.py", "from quart import request"),
        (SERVICE, "import time"),
        ("metropole_media/http/listener.py", "import asyncio, socket"),
        ("metropole_media/codecs/probe.py", "def f():\n    import av"),
        ("metropole_media/transcode/decoding.py", "import av"),
        (JOB, "def f():\n    from metropole_media.transcode import making"),
        (PLUGIN, "import asyncio\nimport pydantic"),
    ],
)
def test_what_is_allowed_is_no_breach(path: str, source: str) -> None:
    assert breaches(path, source) == []
