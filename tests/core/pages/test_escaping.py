"""Whatever people write stays text."""

from __future__ import annotations

import json
from typing import Any

import pytest

CORPUS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</title></textarea></noscript><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u2028alert(1)\u2029",
    "<b>&lt;b&gt;&amp;",
    "%(name)s %s %",
]  # fmt: skip
PATHS = ["/", "/owner", "/search?q=zz", "/dashboard/owner", "/following", "/?fragment=cards"]


@pytest.fixture(scope="module")
async def skeletons(open_house: Any, read_page: Any) -> Any:
    """A site, and the elements of each page while people write harmless words."""
    house = await open_house()
    owner, other = await house.visitor("owner"), await house.visitor("other")
    await other.send("/owner/follow")
    await _write(house, "zz harmless")
    found = {}
    for path in PATHS:
        browser = owner if "dashboard" in path else other
        found[path] = _skeleton(read_page((await browser.get(path)).html))
    yield house, found
    await house.app.shutdown()


async def _write(house: Any, text: str) -> None:
    await house.site.channels.update(
        house.channel.id,
        title=f"zz {text}"[:140],
        category=text[:40],
        tags=[text.replace(",", "")[:25], "zz"],
        description=text,
    )


def _skeleton(page: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attributes))) for tag, attributes in page.elements]


@pytest.mark.parametrize("text", CORPUS)
async def test_no_text_makes_an_element(skeletons: Any, read_page: Any, text: str) -> None:
    house, expected = skeletons
    await _write(house, text)
    title = (await house.site.channels.get(house.channel.id)).title
    owner, other = await house.visitor("owner"), await house.visitor("other")
    for path in PATHS:
        browser = owner if "dashboard" in path else other
        answer = await browser.get(path)
        page = read_page(answer.html)
        assert _skeleton(page) == expected[path], path
        assert any(title in each for each in page.texts) or path == "/following", path


@pytest.mark.parametrize("text", CORPUS)
async def test_page_data_survives_any_text(skeletons: Any, text: str) -> None:
    house, _ = skeletons
    await _write(house, text)
    title = (await house.site.channels.get(house.channel.id)).title
    html = (await (await house.visitor()).get("/owner")).html
    block = html.split('id="page-data">', 1)[1].split("</script>", 1)[0]
    assert json.loads(block)["channel"]["title"] == title
    assert not set("<>&\u2028\u2029") & set(block)


@pytest.mark.parametrize("text", CORPUS)
async def test_what_is_searched_for_and_asked_for_stays_text(
    skeletons: Any, read_page: Any, text: str
) -> None:
    house, _ = skeletons
    browser = await house.visitor()
    client = browser.client
    response = await client.get("/search", query_string={"q": text})
    page = read_page(await response.get_data(as_text=True))
    assert not [a for _, a in page.elements for name in a if name.startswith("on")]
    assert len(page.all("script")) == sum("src" in s for s in page.all("script")) + 1
    refused = await browser.send("/signup", {"name": text, "display_name": text, "password": ""})
    page = read_page(refused.html)
    assert not [a for _, a in page.elements for name in a if name.startswith("on")]
    typed = next(f for f in page.all("input") if f.get("name") == "display_name")
    assert str(typed["value"]).strip() == text.strip()


async def test_names_that_people_see(open_house: Any, read_page: Any) -> None:
    from itertools import count

    numbers = count()
    house = await open_house(channels_per_account=50)
    browser = await house.visitor("other")
    for text in CORPUS:
        name = f"chan_{next(numbers)}"
        shown = text[:40]
        answer = await browser.send("/new-channel", {"name": name, "display_name": shown})
        assert answer.status == 303, answer.html
        page = read_page((await browser.get(f"/{name}")).html)
        assert not [a for _, a in page.elements for key in a if key.startswith("on")]
        assert not [s for s in page.all("script") if not (s.get("src") or s.get("type"))]
    await house.app.shutdown()


async def test_what_is_said_stays_text(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("other")
    for text in CORPUS:
        # A room takes a few messages in a row from one person, then asks them to wait.
        fresh.site.chat._limits = type(fresh.site.chat._limits)(fresh.site.clock.monotonic)
        await fresh.site.chat.say(fresh.channel.id, fresh.other, text, address="192.0.2.7")
    page = read_page((await browser.get("/owner")).html)
    said = [a for tag, a in page.elements if tag == "li" and a.get("class") == "msg"]
    assert len(said) == len(CORPUS)
    assert all("data-me" in each for each in said)
    assert not [a for _, a in page.elements for key in a if key.startswith("on")]
    assert "<script>alert(1)</script>" in page.texts
