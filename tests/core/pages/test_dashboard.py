"""The creator's page: theirs alone, and every form of it works without scripts."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from metropole_core.contracts.latency import Latency
from metropole_core.contracts.provider import ProviderEventKind
from metropole_core.pages import dashboard

OWN = "/dashboard/owner"
JSON = {"Accept": "application/json"}


def picture(width: int = 64, height: int = 36) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(made, "PNG")
    return made.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data)
        )  # fmt: skip

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.mark.parametrize("name", ["other", None])
async def test_to_others_it_does_not_exist(house: Any, name: str | None) -> None:
    browser = await house.visitor(name)
    key = await house.site.channels.stream_key(house.channel.id)
    for action in ("", "/details", "/key", "/key/rotate", "/end", "/chat", "/thumbnail",
                   "/avatar", "/latency", "/modes/pace"):  # fmt: skip
        answer = await (browser.send(OWN + action) if action else browser.get(OWN))
        assert answer.status == (404 if name else 401 if action else 303)
        assert key not in answer.html
    assert await house.site.channels.stream_key(house.channel.id) == key


async def test_the_key_stands_on_no_page_until_its_owner_asks(house: Any) -> None:
    key = await house.site.channels.stream_key(house.channel.id)
    for name in ("owner", "other", None):
        browser = await house.visitor(name)
        for path in ("/", "/owner", "/owner?fragment=page-data", OWN, "/search?q=owner",
                     "/api/v1/channels", "/api/v1/channels/owner"):  # fmt: skip
            answer = await browser.get(path)
            assert key not in answer.html
            assert key not in str(answer.headers)
    browser = await house.visitor("owner")
    shown = await browser.send(f"{OWN}/key")
    assert f'value="{key}"' in shown.html
    assert shown.headers["Cache-Control"] == "no-store"
    asked = await browser.send(f"{OWN}/key", headers=JSON)
    assert json.loads(asked.body) == {"key": key}


async def test_details_are_saved(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    answer = await browser.send(
        f"{OWN}/details",
        {"title": " Dusk ", "category": "Art", "tags": "oil, , Oil,#boats", "description": "a\nb"},
    )
    assert answer.location == f"{OWN}?done=details"
    channel = await fresh.site.channels.get(fresh.channel.id)
    assert (channel.title, channel.category, channel.tags) == ("Dusk", "Art", ("oil", "boats"))
    page = (await browser.get(answer.location)).html
    assert 'role="status"' in page
    assert 'value="oil, boats"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "x" * 141), ("category", "y" * 41), ("tags", "z" * 26), ("description", "d" * 2001)],
)
async def test_what_is_too_long_is_kept_and_explained(
    fresh: Any, read_page: Any, field: str, value: str
) -> None:
    browser = await fresh.visitor("owner")
    form = {"title": "T", "category": "C", "tags": "t", "description": "D", field: value}
    answer = await browser.send(f"{OWN}/details", form)
    assert answer.status == 422
    assert value in answer.html
    assert f'id="f-{field}-error"' in answer.html
    assert (await fresh.site.channels.get(fresh.channel.id)).title == ""


async def test_a_new_key_is_made_only_after_a_second_look(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    before = await fresh.site.channels.stream_key(fresh.channel.id)
    question = await browser.send(f"{OWN}/key/rotate")
    assert question.status == 200
    assert 'name="confirm" value="yes"' in question.html
    assert await fresh.site.channels.stream_key(fresh.channel.id) == before
    done = await browser.send(f"{OWN}/key/rotate", {"confirm": "yes"})
    assert done.location == f"{OWN}?done=rotated"
    assert await fresh.site.channels.stream_key(fresh.channel.id) != before
    assert await fresh.site.channels.find_by_key(before) is None


async def test_end_of_broadcast_says_that_the_key_is_refused(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    assert 'data-state="live"' in (await browser.get(OWN)).html
    assert "End this broadcast?" in (await browser.send(f"{OWN}/end")).html
    done = await browser.send(f"{OWN}/end", {"confirm": "yes"})
    page = (await browser.get(done.location)).html
    assert "refused for 60 seconds" in page
    assert "your stream key is refused until" in page
    assert fresh.site.status.state(fresh.channel.id).state == "offline"


async def test_each_state_of_the_signal_is_on_the_page(fresh: Any) -> None:
    browser = await fresh.visitor("other")
    channel = await fresh.site.channels.by_name("other")
    own = "/dashboard/other"
    assert 'data-channel="other" data-state="offline"' in (await browser.get(own)).html
    await fresh.tell(channel, ProviderEventKind.CONNECTED)
    page = (await browser.get(own)).html
    assert 'data-channel="other" data-state="connecting"' in page
    for state in ("offline", "connecting", "live", "interrupted"):
        assert f'data-for="{state}"' in page
    await fresh.tell(channel, ProviderEventKind.AVAILABLE, ProviderEventKind.LOST)
    assert 'data-channel="other" data-state="interrupted"' in (await browser.get(own)).html


@pytest.mark.parametrize("kind", ["thumbnail", "avatar"])
async def test_pictures_are_taken_and_served(fresh: Any, kind: str) -> None:
    browser = await fresh.visitor("owner")
    answer = await browser.send(f"{OWN}/{kind}", picture=picture())
    assert answer.location == f"{OWN}?done={kind}"
    stored = getattr(await fresh.site.channels.get(fresh.channel.id), kind)
    page = (await browser.get("/owner")).html
    assert f"/files/{stored}" in page
    served = await browser.get(f"/files/{stored}")
    assert served.headers["Content-Type"] == "image/webp"
    assert "immutable" in served.headers["Cache-Control"]
    assert served.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert Image.open(io.BytesIO(served.body)).format == "WEBP"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422),
        (b"\x89PNG\r\n\x1a\nrubbish", 422),
        (picture()[:60], 422),
        (b"\x89PNG" + bytes(5 * 1024 * 1024 + 10), 413),
        (bytes(7 * 1024 * 1024), 413),
        (bomb(), 413),
    ],
    ids=["empty", "svg", "rubbish", "cut", "too many bytes", "beyond any form", "bomb"],
)
async def test_bad_pictures_are_refused_in_words(fresh: Any, data: bytes, status: int) -> None:
    browser = await fresh.visitor("owner")
    answer = await browser.send(f"{OWN}/thumbnail", picture=data)
    assert answer.status == status
    assert "<h1" in answer.html
    if len(data) < 6 * 1024 * 1024:
        assert 'id="thumbnail-error"' in answer.html
    assert (await fresh.site.channels.get(fresh.channel.id)).thumbnail is None


async def test_other_forms_take_64_kib(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    answer = await browser.send(f"{OWN}/details", {"title": "x" * 70_000})
    assert answer.status == 413
    told = await browser.send(f"{OWN}/details", {}, headers={"Content-Length": "70000"})
    assert told.status == 413, "before any of it was read"


async def test_a_body_of_unknown_length_is_not_read(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    for path in (f"{OWN}/details", f"{OWN}/thumbnail", "/signin"):
        answer = await browser.send(path, headers={"Transfer-Encoding": "chunked"})
        assert answer.status == 411, path


async def test_a_strangers_picture_is_not_read(fresh: Any) -> None:
    """Not so far that its token could be looked at, which stands behind it."""
    browser = await fresh.visitor()
    answer = await browser.send(f"{OWN}/thumbnail", picture=picture(), csrf="none at all")
    assert answer.status == 401


async def test_changes_are_counted(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "CHANGES", (3, 60.0))
    monkeypatch.setattr(dashboard, "PICTURES", (1, 60.0))
    browser = await fresh.visitor("owner")
    assert (await browser.send(f"{OWN}/thumbnail", picture=picture())).status == 303
    again = await browser.send(f"{OWN}/avatar", picture=picture())
    assert again.status == 429
    assert 'id="avatar-error"' in again.html
    assert (await browser.send(f"{OWN}/details", {"title": "a"})).status == 303
    answer = await browser.send(f"{OWN}/details", {"title": "b"})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert (await fresh.site.channels.get(fresh.channel.id)).title == "a"
    assert (await (await fresh.visitor("other")).send("/dashboard/other/chat")).status == 303


async def test_chat_is_switched(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    answer = await browser.send(f"{OWN}/chat", {"enabled": "off"})
    assert answer.status == 303
    assert not (await fresh.site.channels.get(fresh.channel.id)).chat_enabled
    assert "owner has switched the chat off" in (await browser.get("/owner")).html
    asked = await browser.send(f"{OWN}/chat", {"enabled": "on"}, headers=JSON)
    assert json.loads(asked.body) == {"enabled": True}


async def test_the_latency_is_chosen(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("owner")

    async def checked() -> str:
        page = read_page((await browser.get(OWN)).html)
        (found,) = (f for f in page.all("input") if f.get("name") == "latency" and "checked" in f)
        return str(found["value"])

    assert await checked() == "low", "the site's setting holds"
    answer = await browser.send(f"{OWN}/latency", {"latency": "ultra_low"})
    assert answer.location == f"{OWN}?done=latency"
    assert "from your next broadcast on" in (await browser.get(answer.location)).html
    assert await checked() == "ultra_low"
    answer = await browser.send(f"{OWN}/latency", {"latency": "none at all"})
    assert answer.status == 422
    assert 'id="latency-error"' in answer.html
    assert (await fresh.site.channels.get(fresh.channel.id)).latency is Latency.ULTRA_LOW


async def test_a_chat_modes_form_comes_from_its_settings(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("owner")
    page = read_page((await browser.get(OWN)).html)
    seconds = next(f for f in page.all("input") if f.get("name") == "s-seconds")
    assert {seconds["type"], seconds["min"], seconds["max"], seconds["value"]} == {
        "number", "1", "300", "10"
    }  # fmt: skip
    moderators = next(f for f in page.all("input") if f.get("name") == "s-moderators")
    assert moderators["type"] == "checkbox"
    assert "Pace <b>" in "".join(page.texts), "a plugin's words are text too"


@pytest.mark.parametrize("sent", ["0", "301", "ten", "", "1.5", "9" * 5000])
async def test_settings_out_of_bounds_are_refused_beside_the_field(fresh: Any, sent: str) -> None:
    browser = await fresh.visitor("owner")
    form = {"enabled": "on", "s-seconds": sent}
    answer = await browser.send(f"{OWN}/modes/pace", form)
    assert answer.status == 422
    assert 'id="m-pace-s-seconds-error"' in answer.html
    assert f'value="{sent}"' in answer.html
    asked = await browser.send(f"{OWN}/modes/pace", form, headers=JSON)
    assert asked.status == 422
    assert set(json.loads(asked.body)["errors"]) == {"seconds"}


async def test_a_mode_that_is_not_installed(fresh: Any) -> None:
    browser = await fresh.visitor("owner")
    assert (await browser.send(f"{OWN}/modes/gone", {"enabled": "on"})).status == 404


async def test_a_mode_is_switched_and_set(fresh: Any, read_page: Any) -> None:
    browser = await fresh.visitor("owner")
    form = {"enabled": "on", "s-seconds": "25", "s-moderators": "on"}
    answer = await browser.send(f"{OWN}/modes/pace", form)
    assert answer.location == f"{OWN}?done=modes"
    page = (await browser.get(OWN)).html
    assert 'name="s-seconds" type="number" value="25"' in page
    assert 'name="s-moderators" checked' in page
    assert "Pace: one message every 25 s" in (await browser.get("/owner")).html
    asked = await browser.send(
        f"{OWN}/modes/pace", {"enabled": "off", "s-seconds": "30"}, headers=JSON
    )
    assert json.loads(asked.body) == {
        "enabled": False,
        "sentence": "Pace: one message every 30 s",
    }
    assert "Pace: one message" not in (await browser.get("/owner")).html
