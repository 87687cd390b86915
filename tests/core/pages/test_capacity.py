"""What administrators read of the machine, and creators of their qualities."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from metropole_core.contracts.provider import BroadcastRef
from metropole_core.testing import FakeTranscoder, make_capability
from metropole_media.live import LiveStream
from tests.core.pages.test_every_page import check_page
from tests.core.transcoding.conftest import SOUND, VIDEO, until
from tests.support.house import PASSWORD, Browser, House

PAGE = "/admin/capacity"
OWN = "/dashboard/owner/qualities"


@pytest.fixture
async def boss(fresh: House) -> Browser:
    await fresh.site.accounts.create(name="boss", password=PASSWORD, email=None, is_admin=True)
    return await fresh.visitor("boss")


def install(house: House, name: str, **given: Any) -> FakeTranscoder:
    made = FakeTranscoder(name, **given)
    house.site.registry.add(f"transcoder_{name}", "register_transcoder", made)
    return made


async def on_air(house: House) -> LiveStream:
    """The owner's stream, with its ladder."""
    stream = LiveStream("owner", house.site.clock.monotonic)
    house.site.transcoding.follow(BroadcastRef(house.channel.ref, "abc", 0.0), stream)
    stream.attach().describe((VIDEO, SOUND))
    await until(lambda: stream.ladder.plans is not None)
    return stream


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00d7", "x")


async def test_without_a_transcoder(boss: Any, read_page: Any) -> None:
    page = await boss.get(PAGE)
    check_page(read_page(page.html))
    assert page.headers["Cache-Control"] == "no-store"
    assert "No transcoder is installed" in page.html
    assert "Nothing is on air." in page.html
    # 1 Gbit/s over 6.16 Mbit/s and a quarter more
    assert "129" in page.html


async def test_only_administrators_are_led_there(fresh: Any, boss: Any) -> None:
    assert PAGE in (await boss.get("/admin/people")).html
    member = await fresh.visitor("other")
    assert (await member.get(PAGE)).status == 404
    assert (await member.send(f"{PAGE}/probe")).status == 404
    guest = await (await fresh.visitor()).get(PAGE)
    assert guest.location == f"/signin?next={PAGE}"


async def test_what_works_and_what_does_not(fresh: Any, boss: Any, read_page: Any) -> None:
    install(fresh, "good", capability=make_capability(2.1e8, hardware=True))
    bad = install(fresh, "bad", capability="There is no <b>driver</b>.")
    await fresh.site.transcoding.probe()
    page = await boss.get(PAGE)
    check_page(read_page(page.html))
    said = text(page.html)
    assert "There is no &lt;b&gt;driver&lt;/b&gt;." in page.html
    assert "Good Works" in said
    assert "Bad Does not work" in said
    assert "H.264, at most 3840 x 2160 · 60 fps, 210 million pixels a second" in said
    # 720p60 + 480p30 + 360p30 are 74.5 million; a fifth stays free.
    assert "about 2 channels, each with 720p60, 480p30, 360p30" in said
    found = json.loads((await boss.get(PAGE, headers={"Accept": "application/json"})).html)
    assert [each["state"] for each in found["backends"]] == ["fails", "works"]
    bad.capability = make_capability(1e6)
    assert (await boss.send(f"{PAGE}/probe")).location == f"{PAGE}?done=probe"
    await until(lambda: fresh.site.transcoding.backends.all()[0].capability is not None)
    said = text((await boss.get(f"{PAGE}?done=probe")).html)
    assert "The transcoders are being tried" in said
    assert "not even the smallest quality" in said


async def test_estimates_of_a_small_machine(fresh: Any, boss: Any) -> None:
    install(fresh, "small", capability=make_capability(4e7, hardware=True))
    await fresh.site.transcoding.probe()
    assert "one channel, with 480p30, 360p30" in text((await boss.get(PAGE)).html)


async def test_what_runs(fresh: Any, boss: Any, read_page: Any) -> None:
    fake = install(fresh, "fake")
    await fresh.site.transcoding.probe()
    await on_air(fresh)
    fake.job.behind(1.5)
    page = await boss.get(PAGE)
    check_page(read_page(page.html))
    assert re.search(r'data-job="owner".*720p, 480p, 360p.*fake.*1\.5 s', page.html, re.DOTALL)
    found = json.loads((await boss.get(PAGE, headers={"Accept": "application/json"})).html)
    (job,) = found["jobs"]
    assert (job["channel"], job["backend"], job["lag"]) == ("owner", "fake", 1.5)
    assert found["backends"][0]["load"] > 0


async def test_creators_see_their_qualities(fresh: Any, read_page: Any) -> None:
    owner = await fresh.visitor("owner")
    assert "When you are live" in (await owner.get(OWN)).html
    fake = install(fresh, "fake")
    await fresh.site.transcoding.probe()
    stream = await on_air(fresh)
    fake.job.write("720p")
    check_page(read_page((await owner.get("/dashboard/owner")).html))
    said = text((await owner.get(OWN)).html)
    assert "Source 1920 x 1080 · 30 fps Live" in said
    assert "720p 1280 x 720 · 30 fps · 2.5 Mbit/s Live" in said
    assert "480p 854 x 480 · 30 fps · 1.4 Mbit/s Coming" in said
    assert "Sound alone Live" in said
    for _ in range(3):
        fake.job.fail()
        follower = fresh.site.transcoding.followers()[0]
        follower.moment = type(follower.moment)(
            follower.moment.phase,
            follower.moment.plans,
            failures=follower.moment.failures,
            due=0.0 if follower.moment.due else None,
        )
        fresh.site.transcoding.look()
    await until(lambda: [p.name for p in stream.ladder.plans or ()] == ["audio"])
    said = text((await owner.get(OWN)).html)
    assert "720p 1280 x 720 · 30 fps · 2.5 Mbit/s Taken away The smaller qualities" in said
    other = await fresh.visitor("other")
    assert (await other.get(OWN)).status == 404


async def test_why_there_are_none(fresh: Any) -> None:
    await on_air(fresh)
    owner = await fresh.visitor("owner")
    assert "This server cannot make further qualities." in (await owner.get(OWN)).html
