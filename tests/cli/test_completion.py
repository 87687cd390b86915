"""Tab in a real bash, and that help and completion are quick."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from metropole_cli.names_store import names_of

from tests.support.site_process import ADMIN, METROPOLE, SiteProcess, run_command

BASH = """
eval "$(metropole completion bash)"
COMP_WORDS=({words})
COMP_CWORD={at}
_metropole_completion metropole
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def tab(*words: str, folder: Path) -> list[str]:
    """What bash offers after these words."""
    if shutil.which("bash") is None:
        pytest.fail("bash is needed")
    quoted = " ".join(f"'{word}'" for word in ("metropole", *words))
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH.format(words=quoted, at=len(words))],
        capture_output=True, text=True, timeout=30, cwd=folder,
        env={**os.environ, "PATH": f"{METROPOLE.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_and_options(tmp_path: Path) -> None:
    assert {"config", "completion"} <= set(tab("co", folder=tmp_path))
    assert tab("config", "sh", folder=tmp_path) == ["show"]
    assert "--channel" in tab("doctor", "--", folder=tmp_path)
    assert tab("completion", "", folder=tmp_path) == ["bash", "zsh", "fish"]
    assert tab("config", "show", "ing", folder=tmp_path) == ["ingest_rtmp"]


async def test_names_of_the_site(site: SiteProcess) -> None:
    assert tab("doctor", "--channel", "bo", folder=site.folder) == [ADMIN]
    assert tab("doctor", "--channel", "x", folder=site.folder) == []
    assert tab("user", "block", "b", folder=site.folder) == [ADMIN]
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    assert tab("doctor", "--channel", "", folder=elsewhere) == []
    config = str(site.config)
    assert tab("--config", config, "doctor", "--channel", "b", folder=elsewhere) == [ADMIN]


async def test_names_come_from_both_kinds_of_database(made: SiteProcess) -> None:
    assert names_of(made.database, "channels", "bo", 10) == [ADMIN]
    assert names_of(made.database, "users", "", 10) == [ADMIN]
    assert names_of(made.database, "users", "b%", 10) == []
    assert names_of(made.database, "users", "b_ss", 10) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts(shell: str) -> None:
    done = run_command("completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_METROPOLE_COMPLETE" in done.stdout


HEAVY = ("metropole_core", "metropole_media", "pydantic", "sqlalchemy", "quart", "jinja2", "av")


def test_help_and_completion_are_instant() -> None:
    """What costs tenths of a second is imported by the command that needs it, when it runs."""
    code = "import sys, metropole_cli.main; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert not set(HEAVY) & set(done.stdout.split())
