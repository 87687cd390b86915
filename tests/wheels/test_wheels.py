"""What an operator installs: wheels that need neither Node nor a compiler, in any choice of
plugins."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.demo import ON_AIR, Demo
from tests.support.site_process import ADMIN, ADMIN_PASSWORD, SiteProcess, make_site
from tests.wheels.conftest import MEMBERS, ROOT, UV, Empty

pytestmark = pytest.mark.timeout(240)

PLUGINS = {
    "metropole-provider-local": ("provider_local", "nobody can go live"),
    "metropole-ingest-rtmp": ("ingest_rtmp", "encoders such as OBS cannot connect"),
    "metropole-egress-hls": ("egress_hls", "cannot be played"),
    "metropole-chat-mode-slow": ("chat_mode_slow", "creators cannot slow their chat down"),
    "metropole-theme-default": ("theme_default", "pages look plain"),
}
EXTRAS = {
    "metropole-egress-thumbnails": "egress_thumbnails",
    "metropole-transcoder-ffmpeg": "transcoder_ffmpeg",
    "metropole-transcoder-nvenc": "transcoder_nvenc",
    "metropole-transcoder-software": "transcoder_software",
}
"""A site is complete without these: nobody misses them."""


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_every_distribution_has_a_wheel_with_all_that_it_needs(wheels: Path) -> None:
    version = (ROOT / "VERSION").read_text().strip()
    built = sorted(wheels.glob("*.whl"))
    assert len(built) == len(MEMBERS)
    for wheel in built:
        assert wheel.name.endswith(f"-{version}-py3-none-any.whl")
        held = names(wheel)
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held), wheel.name
        strange = [n for n in held if re.search(r"(^|/)(tests|frontend|node_modules)/|\.tsx?$", n)]
        assert strange == [], wheel.name
        if any("/static/" in name for name in held):
            assert any(name.endswith("/static/dist/manifest.json") for name in held)
    core = set(names(next(wheels.glob("metropole_core-*"))))
    for source in (ROOT / "metropole_core").rglob("*"):
        inside = source.relative_to(ROOT).as_posix()
        if source.suffix in (".py", ".html", ".po") and "/frontend/" not in inside:
            assert inside in core, f"{inside} is left out of the wheel"


def test_without_the_built_front_end_there_is_no_wheel(tmp_path: Path) -> None:
    """A clean checkout says what to do instead of making a wheel that looks broken."""
    clean = tmp_path / "clean"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "VERSION", "LICENSE", "tools", "plugins/egress/hls"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    with tarfile.open(tmp_path / "clean.tar", "w") as archive:
        for name in filter(None, listed.stdout.decode().split("\0")):
            archive.add(ROOT / name, name)
    with tarfile.open(tmp_path / "clean.tar") as archive:
        archive.extractall(clean, filter="data")
    built = subprocess.run(
        [UV, "build", "--wheel", "--out-dir", tmp_path, clean / "plugins/egress/hls"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert built.returncode != 0
    assert "Run `make wheels`" in built.stdout + built.stderr


async def test_the_site_starts_from_wheels_with_any_choice_of_plugins(empty: Empty) -> None:
    site = make_site(empty.folder, metropole=empty.metropole)
    await asyncio.to_thread(empty.install, "metropole")
    await site.init()
    await starts_and_says(site, have=set())

    await asyncio.to_thread(empty.install, "metropole[all]")
    everything = {*PLUGINS, *EXTRAS}
    await starts_and_says(site, have=everything)
    for left_out in PLUGINS:
        await asyncio.to_thread(empty.uninstall, left_out)
        await starts_and_says(site, have=everything - {left_out})
        await asyncio.to_thread(empty.install, left_out)
    for left_out in EXTRAS:
        await asyncio.to_thread(empty.uninstall, left_out)
    await starts_and_says(site, have=set(PLUGINS))
    for left_out in EXTRAS:
        await asyncio.to_thread(empty.install, left_out)

    demo = Demo(empty.folder, metropole=empty.metropole)
    await demo.start()
    try:
        await demo.says(ON_AIR)
    finally:
        assert await demo.end() == 0
    assert b"Traceback" not in demo.said


async def starts_and_says(site: SiteProcess, have: set[str]) -> None:
    """The site runs with these plugins; console, doctor and the administrator's page say what is
    missing, and nothing else."""
    told = await site.run("plugins", "--json")
    records = json.loads(told[re.search("^\\[", told, re.MULTILINE).start() :])
    assert {record["name"]: record["state"] for record in records} == {
        EXTRAS.get(name) or PLUGINS[name][0]: "loaded" for name in have
    }
    before = len(site.log)
    await site.start()
    try:
        page = await site.get("/")
        assert page.startswith("HTTP/1.1 200")
        assets = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page))
        assert any("theme_default" in asset for asset in assets) == (
            "metropole-theme-default" in have
        )
        for asset in assets:
            assert (await site.get(asset)).startswith("HTTP/1.1 200"), asset
        admins = await asyncio.to_thread(home_of_the_administrator, site.url)
    finally:
        assert await site.stop() == 0
    log = "".join(site.log[before:])
    assert "Traceback" not in log
    for name, (_, sentence) in PLUGINS.items():
        assert (sentence in log) == (name not in have), log
        assert (sentence in admins) == (name not in have), admins


def home_of_the_administrator(url: str) -> str:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = browser.open(f"{url}/signin", timeout=10).read().decode()
    csrf = re.search(r'name="csrf" value="([^"]+)"', form)
    assert csrf is not None
    given = {"csrf": csrf[1], "login": ADMIN, "password": ADMIN_PASSWORD, "next": "/"}
    answer = browser.open(f"{url}/signin", urlencode(given).encode(), timeout=10)
    page: str = answer.read().decode()
    assert answer.url == f"{url}/"
    return page
