"""What a start does not pay for: modules that only some of the work needs are imported with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.site_process import make_site

NEVER_AT_START = {"alembic", "mako", "pygments", "PIL", "av", "aiortc", "numpy", "redis", "pytest"}
"""Migrations, pictures, codecs, other backplanes, tests: all needed later, or never."""
NEVER_FOR_HELP = NEVER_AT_START | {
    "quart", "flask", "hypercorn", "h2", "sqlalchemy", "databases", "jinja2", "pydantic", "msgspec",
    "asyncmy", "pymysql", "cryptography", "babel",
}  # fmt: skip

HELP = """
import sys
from metropole_cli.main import main
main(["--help"], standalone_mode=False)
"""
SERVE = """
import asyncio, pathlib, sys
from metropole_core.config import load_config
from metropole_core.server import serve

async def first_page(site):
    reader, writer = await asyncio.open_connection(*site.config.bind.split(":"))
    writer.write(b"GET / HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200") and b"</html>" in answer, answer[:500]
    writer.close()
    stop.set()

async def run():
    global stop
    stop = asyncio.Event()
    await serve(load_config(pathlib.Path(sys.argv[1]), {}), ready=first_page, stop=stop)

asyncio.run(run())
"""
TELL = "print('modules:', *sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded(script: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh process has in the end."""
    done = subprocess.run(
        [sys.executable, "-c", script + TELL, *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("modules:")[2].split())


def test_help_is_instant() -> None:
    modules = loaded(HELP)
    assert "click" in modules
    assert modules & NEVER_FOR_HELP == set()


async def test_a_site_starts_and_shows_its_home_page_without_them(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    await site.init()
    modules = loaded(SERVE, str(site.config))
    assert {"quart", "metropole_egress_hls", "metropole_ingest_rtmp"} <= modules
    assert modules & (NEVER_AT_START | {"asyncmy", "pymysql"}) == set()
