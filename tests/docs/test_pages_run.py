"""What the pages tell people to type works, in the order in which it stands there.

Each page is gone through in an empty folder of its own, its `sh` blocks one after the other. What
is different for a block stands in a comment right above it, which readers of the page do not see:

    <!-- not run: why -->
    <!-- run before: a command that makes what the page takes for granted -->
    <!-- typed: what a person answers to its questions, as words of a shell -->
    <!-- new folder -->

A `metropole serve` runs on until the page is over.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.site_process import ADMIN_PASSWORD, METROPOLE, free_ports

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("[!_]*/**/*.md"))]
BLOCK = re.compile(r"((?:^<!-- .*? -->\n)*)^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^<!-- (not run|run before|typed|new folder)(?:: (.*?))? -->$", re.MULTILINE)
SECONDS = 60

PRELUDE = """
set -euo pipefail
metropole() {
  if [ "$1" != serve ]; then command metropole "$@"; return; fi
  command metropole "$@" > serve.log 2>&1 &
  echo $! >> "$PIDS"
  until (exec 3<> "/dev/tcp/127.0.0.1/$SITE_PORT") 2> /dev/null; do
    kill -0 $! || { cat serve.log; return 1; }
    sleep 0.1
  done
}
"""


@dataclass(frozen=True)
class Block:
    text: str
    line: int
    comments: dict[str, str]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found[2],
            text[: found.start(2)].count("\n") + 1,
            dict(COMMENT.findall(found[1])),
        )
        for found in BLOCK.finditer(text)
    ]


WITH_BLOCKS = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_the_page_says_can_be_typed(page: Path, tmp_path: Path) -> None:
    site, media, rtmp = free_ports(3)
    pids = tmp_path / "pids"
    environment = {
        "PATH": f"{METROPOLE.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PIDS": str(pids),
        "SITE_PORT": str(site),
        # What a block sets itself wins; the ports of the pages may be taken on this machine.
        "METROPOLE_PUBLIC_URL": f"http://127.0.0.1:{site}",
        "METROPOLE_BIND": f"127.0.0.1:{site}",
        "METROPOLE_PLUGIN__PROVIDER_LOCAL__BIND": f"127.0.0.1:{media}",
        "METROPOLE_PLUGIN__INGEST_RTMP__BIND": f"127.0.0.1:{rtmp}",
    }
    folder = tmp_path / "0"
    folder.mkdir()
    try:
        for number, block in enumerate(blocks(page), 1):
            if "not run" in block.comments:
                continue
            if "new folder" in block.comments:
                folder = tmp_path / str(number)
                folder.mkdir()
            if before := block.comments.get("run before"):
                password = {"METROPOLE_ADMIN_PASSWORD": ADMIN_PASSWORD}
                run(before, folder, environment | password, "", f"{page}: before {block.line}")
            typed = "".join(f"{word}\n" for word in shlex.split(block.comments.get("typed", "")))
            run(block.text, folder, environment, typed, f"{page}:{block.line}")
    finally:
        for pid in pids.read_text().split() if pids.exists() else []:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)


def run(text: str, folder: Path, environment: dict[str, str], typed: str, where: str) -> None:
    """Run a block in bash. Output goes to a file: what serves on would keep a pipe open."""
    with (folder / "output").open("w+") as output:
        done = subprocess.run(
            ["bash", "--norc", "-c", PRELUDE + text], cwd=folder, env=environment, input=typed,
            text=True, stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
            start_new_session=True,  # without a terminal, passwords are read from what is typed
        )  # fmt: skip
        output.seek(0)
        assert done.returncode == 0, f"{where}\n{text}\n{output.read()}"


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_not_run_has_its_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.comments.get("not run", "-"), f"{page}:{block.line} says no reason"


def test_what_the_pages_have_made_is_a_target_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for word in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert (word[0] or word[1]) in targets, f"{page}: make {word}"


LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize(
    "page",
    [*PAGES, ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("[pct]*/**/README.md"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_links_lead_somewhere(page: Path) -> None:
    """Within the repository. Sphinx checks those between the pages of docs/, too, with their
    anchors."""
    for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        path, _, _anchor = target.partition("#")
        if path and "://" not in path and not path.startswith("mailto:"):
            assert (page.parent / path).exists(), f"{page}: {target}"
