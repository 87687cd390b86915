"""The wheels of this checkout, and an empty environment to install them into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = [
    ROOT,
    ROOT / "metropole_media",
    ROOT / "cli",
    *sorted(path.parent for path in ROOT.glob("themes/*/pyproject.toml")),
    *sorted(path.parent for path in ROOT.glob("plugins/*/*/pyproject.toml")),
]
UV = ROOT / ".tools/bin/uv"
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*==[^ ;\\]+)( *;[^\\]*)?", re.MULTILINE)


def uv(*arguments: str | Path, **environment: str) -> str:
    """Run uv to its end.

    Returns:
        What it printed. A failure is an AssertionError with all of it.
    """
    done = subprocess.run(
        [UV, *arguments],
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Empty:
    """An environment without Node and without a compiler, and the wheels to fill it with."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self.wheels = wheels
        self.python = folder / "env/bin/python"
        self.metropole = folder / "env/bin/metropole"
        self.path = folder / "nothing"
        self.path.mkdir()
        # The tests' own versions of other people's packages: what is tried here is ours.
        self.constraints = folder / "constraints.txt"
        pins = PINNED.finditer((ROOT / "requirements/dev.txt").read_text())
        self.constraints.write_text("".join(f"{m[1]}{m[2] or ''}\n" for m in pins))
        uv("venv", "-q", "--python", sys.executable, folder / "env")

    def install(self, *what: str) -> None:
        """Install distributions from the wheels; nothing is compiled."""
        uv(
            "pip", "install", "-q", "--only-binary", ":all:", "--find-links", self.wheels,
            "--constraint", self.constraints, "--python", self.python, *what,
            PATH=str(self.path), VIRTUAL_ENV="",
        )  # fmt: skip

    def uninstall(self, name: str) -> None:
        uv("pip", "uninstall", "-q", "--python", self.python, name, VIRTUAL_ENV="")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every distribution of this checkout, built as `make wheels` does."""
    folder = tmp_path_factory.mktemp("wheels")
    for member in MEMBERS:
        uv("build", "-q", "--wheel", "--out-dir", folder, member)
    return folder


@pytest.fixture
def empty(tmp_path: Path, wheels: Path) -> Iterator[Empty]:
    yield Empty(tmp_path, wheels)
    shutil.rmtree(tmp_path / "env")
