"""One version, and ranges between our distributions that hold it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
VERSION = Version((ROOT / "VERSION").read_text().strip())
PROJECTS = sorted(
    path
    for pattern in ("*.toml", "*/pyproject.toml", "themes/*/pyproject.toml",
                    "plugins/*/*/pyproject.toml")
    for path in ROOT.glob(pattern)
    if path.name == "pyproject.toml"
)  # fmt: skip


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_version_and_ranges(path: Path) -> None:
    project = tomllib.loads(path.read_text())
    assert project["project"]["dynamic"] == ["version"], "the version stands in VERSION alone"
    source = project["tool"]["hatch"]["version"]["path"]
    assert (path.parent / source).resolve() == ROOT / "VERSION"
    given = list(project["project"]["dependencies"])
    for extra in project["project"].get("optional-dependencies", {}).values():
        given += extra
    lower = f"{VERSION.major}.{VERSION.minor}.0"
    upper = f"{VERSION.major}.{VERSION.minor + 1}" if VERSION.major == 0 else f"{VERSION.major + 1}"
    for requirement in map(Requirement, given):
        if requirement.name.startswith("metropole"):
            assert str(requirement.specifier) == f"<{upper},>={lower}", str(requirement)
            assert VERSION in requirement.specifier


def test_the_full_install_brings_every_plugin() -> None:
    """`metropole[all]` names each distribution of this repository."""
    names = {tomllib.loads(path.read_text())["project"]["name"] for path in PROJECTS}
    command = tomllib.loads((ROOT / "cli/pyproject.toml").read_text())["project"]
    brought = {
        Requirement(each).name
        for each in command["dependencies"] + command["optional-dependencies"]["all"]
    }
    assert names - {"metropole"} == {name for name in brought if name.startswith("metropole")}
