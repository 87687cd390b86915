"""The newest picture out of a stream: on cards, in link previews, and when the stream is over."""

from __future__ import annotations

import io
import re

from PIL import Image

from metropole_core.contracts.provider import ProviderEventKind
from tests.support.house import House

PICTURE = b"RIFF\x10\0\0\0WEBPVP8 "


async def cover(house: House) -> str:
    page = (await (await house.visitor()).get("/")).html
    card = rf'<article [^>]*data-channel="{house.channel.name}".*?<div class="thumb">\s*<img src="'
    found = re.search(card + r'([^"]+)"', page, re.DOTALL)
    assert found is not None, page
    return found[1]


async def test_a_live_card_shows_what_is_on_air_and_later_how_it_ended(fresh: House) -> None:
    channel, visitor = fresh.channel, await fresh.visitor()
    assert await cover(fresh) == f"/art/{channel.name}.svg"
    assert (await visitor.get(f"/previews/{channel.id}.webp")).status == 404
    assert "og:image" not in (await visitor.get(f"/{channel.name}")).html

    await fresh.site.previews.put(channel.ref, PICTURE)
    shown = await cover(fresh)
    assert shown.startswith(f"/previews/{channel.id}.webp?v=")
    answer = await visitor.get(shown)
    assert (answer.status, answer.body) == (200, PICTURE)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert "data-preview" in (await visitor.get("/")).html
    page = (await visitor.get(f"/{channel.name}")).html
    assert f'og:image" content="{fresh.site.config.public_url}{shown}"' in page
    assert f'poster="{shown}"' in page

    await fresh.tell(channel, ProviderEventKind.ENDED)
    assert await cover(fresh) == shown
    assert "data-preview" not in (await visitor.get("/")).html


async def test_off_air_what_the_creator_chose_comes_first(fresh: House) -> None:
    channel = fresh.channel
    await fresh.site.previews.put(channel.ref, PICTURE)
    drawn = io.BytesIO()
    Image.new("RGB", (64, 36)).save(drawn, "PNG")
    chosen = await fresh.site.channels.set_thumbnail(channel.id, drawn.getvalue())
    assert (await cover(fresh)).startswith("/previews/")
    await fresh.tell(channel, ProviderEventKind.ENDED)
    assert await cover(fresh) == f"/files/{chosen.thumbnail}"
