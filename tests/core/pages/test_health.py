"""The health of a stream on its owner's page: in words, in the page's language, and as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from metropole_core.pages.health_view import ABOUT, area, curve
from metropole_core.streams.health import WORDS
from metropole_media.live import LiveStream, Packet
from tests.support.metered import AUDIO, VIDEO, Source

OWN = "/dashboard/owner"


def publish(house: Any, seconds: float, gop: int) -> LiveStream:
    """So many seconds of a stream in one moment, then a look."""
    stream = LiveStream("owner", house.site.clock.monotonic)
    house.site.health.came(house.channel.ref, stream)
    handle = stream.attach()
    handle.describe((VIDEO, AUDIO))
    for sent in Source(gop=gop).packets(seconds):
        dts = round(sent.time * 1000)
        handle.write(Packet(sent.track, dts, dts, sent.key, sent.data))
    house.site.health.look()
    return stream


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_without_an_encoder_the_page_says_what_will_stand_there(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    assert "When your encoder is connected" in (await browser.get(OWN)).html
    piece = await browser.get(OWN + "/health")
    assert (piece.status, "<html" in piece.html) == (200, False)
    assert piece.headers["Cache-Control"] == "no-store"


async def test_figures_and_advice_are_on_the_page_without_a_script(fresh: Any) -> None:
    publish(fresh, 20.0, gop=240)
    browser = await fresh.visitor("owner")
    for path in (OWN, OWN + "/health"):
        found = text((await browser.get(path)).html)
        assert "Viewers notice something" in found
        assert "1280 x 720 · H.264" in found
        assert "AAC · 48 kHz · stereo" in found
        assert "Key frames every 8 s" in found
        assert "Missing frames 0 / 600" in found
        assert "Your keyframe interval is 8 s, so viewers start late" in found
    html = (await browser.get(OWN + "/health")).html
    assert 'data-level="warning"' in html
    assert re.search(r'<div class="warn"><dt>.*?Key frames every', html, re.DOTALL)
    assert re.search(r'<div class="good"><dt>.*?Video', html, re.DOTALL)


async def test_it_speaks_german(fresh: Any) -> None:
    publish(fresh, 20.0, gop=250)
    browser = await fresh.visitor("owner")
    answer = await browser.get(OWN + "/health", headers={"Accept-Language": "de"})
    found = text(answer.html)
    assert "Dein Keyframe-Intervall ist 8,3 s" in found
    assert "Schlüsselbilder alle 8,3 s" in found


async def test_programs_get_codes_and_figures(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    asked = {"Accept": "application/json"}
    nothing = json.loads((await browser.get(OWN + "/health", headers=asked)).body)
    assert nothing == {"channel": "owner", "level": "none", "findings": []}
    publish(fresh, 20.0, gop=240)
    found = json.loads((await browser.get(OWN + "/health", headers=asked)).body)
    assert (found["level"], [each["code"] for each in found["findings"]]) == (
        "warning",
        ["long_gop"],
    )
    assert found["video"][0]["key_interval"] == 8.0
    assert found["video"][0]["frames"] == 600
    assert found["audio"][0]["sample_rate"] == 48_000
    assert found["findings"][0]["sentence"].startswith("Your keyframe interval is 8 s")


async def test_words_of_an_encoder_are_text(fresh: Any) -> None:
    publish(fresh, 1.0, gop=60)
    fresh.site.health.tell(fresh.channel.id, "odd", "<b>odd</b> 100 % %(x)s")
    fresh.site.health.look()
    browser = await fresh.visitor("owner")
    html = (await browser.get(OWN + "/health")).html
    assert "&lt;b&gt;odd&lt;/b&gt; 100 % %(x)s" in html


def test_every_finding_marks_a_row_or_is_not_about_one() -> None:
    marked = set().union(*ABOUT.values())
    assert marked <= set(WORDS)
    assert set(WORDS) - marked == {"too_large", "low_memory"}


def test_the_curve_grows_from_the_right_and_fits_into_its_box() -> None:
    """The same figures as in frontend/test/curve.test.ts."""
    assert curve([5]) == ""
    assert curve([0, 0]) == "M235.9 44.0L240.0 44.0"
    path = curve(range(60))
    assert path.startswith("M0.0 44.0L")
    assert path.endswith("L240.0 5.7")


def test_the_area_below_the_curve_begins_where_the_curve_begins() -> None:
    """The same figures as in frontend/test/curve.test.ts."""
    assert area("") == ""
    assert area(curve([0, 0])) == "M235.9 44.0L240.0 44.0V44H235.9Z"
