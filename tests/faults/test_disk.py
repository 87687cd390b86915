"""No space: what cannot be kept is refused in words, nothing is half there, and it works again."""

from __future__ import annotations

import contextlib
import os
import resource
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from metropole_core.config import load_config
from metropole_core.site import Site
from tests.support.site_process import make_site
from tests.support.stage import staged
from tests.support.visitor import Signed
from tests.support.ws_client import connect

pytestmark = pytest.mark.timeout(120)

ROOM = 640 * 1024
"""Octets that a file may have: the database is nearly as large, a picture is not."""


def picture() -> bytes:
    """One that cannot be made small."""
    out = BytesIO()
    Image.frombytes("RGB", (1280, 720), os.urandom(1280 * 720 * 3)).save(out, "JPEG", quality=90)
    return out.getvalue()


async def test_no_space(tmp_path: Path) -> None:
    """A limit for the size of files stands for a disk that is full: it can be set and lifted."""
    site = make_site(tmp_path)
    async with staged(site) as stage:
        files = tmp_path / "data"
        owner = Signed(site, stage.token)
        stranger = Signed(site)
        cookies = {"metropole_session": stage.token}
        async with connect(site.port, origin=site.url, cookies=cookies) as chat:
            await chat.hello(stage.name)
            kept = {(await chat.say("before"))["id"]}
            path = f"/dashboard/{stage.name}/avatar"
            status, page = await owner.upload(path, picture())
            assert status == 303, page
            stored = count(files)
            wal = site.database.removeprefix("sqlite:///") + "-wal"
            limit(stage.pid, Path(wal).stat().st_size + 1024)
            try:
                lines = len(site.log)
                status, page = await owner.upload(path, picture())
                assert status == 503, page
                assert "could not be stored" in page or "cannot keep anything" in page
                assert count(files) == stored, "half a picture is left"
                for number in range(3):
                    answer = await chat.say(f"meanwhile {number}")
                    assert answer["t"] == "refused"
                    assert "cannot keep" in answer["reason"]
                status, page = await stranger.form(
                    "/signup", name="latecomer", password="four random little words"
                )
                assert status == 503, page
                assert "cannot keep anything right now" in page
                assert (await stranger.ask("GET", "/"))[0] == 200
                assert (await stranger.ask("GET", f"/{stage.name}"))[0] == 200
            finally:
                limit(stage.pid, resource.RLIM_INFINITY)
            told = [line for line in site.log[lines:] if " ERROR " in line]
            print("\n", *told)
            assert len([line for line in told if "database cannot work" in line]) == 1
            assert len(told) <= 3, told
            kept.add((await chat.say("after"))["id"])
        status, page = await owner.upload(path, picture())
        assert status == 303, page
        status, page = await stranger.form(
            "/signup", name="latecomer", password="four random little words"
        )
        assert status == 303, page
        async with Site.offline(load_config(site.config, {})) as house:
            rows = await house.db.fetch_all("SELECT public_id FROM chat_messages")
            assert {row[0] for row in rows} == kept
            assert await house.accounts.by_name("latecomer") is not None
            assert await house.channels.by_name("latecomer") is not None


def limit(pid: int, octets: int) -> None:
    """How large a file of that process may become. Writing past it fails as on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def count(folder: Path) -> int:
    """Files of pictures, also those that are not whole."""
    with contextlib.suppress(FileNotFoundError):
        return sum(1 for each in folder.rglob("*") if each.is_file() and "sqlite3" not in each.name)
    return 0
