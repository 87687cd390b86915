"""Pieces without a site: addresses, languages, assets, settings' forms, drawn covers."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import TemplateNotFound
from werkzeug.datastructures import Headers

from metropole_core.contracts.theme import Theme
from metropole_core.pages import art, security, words
from metropole_core.pages.assets import Assets
from metropole_core.pages.i18n import Catalogs, gettext
from metropole_core.pages.render import Renderer, script_json
from metropole_core.pages.themes import active_themes
from metropole_core.pages.visitor import format_ui, local_path, parse_ui
from metropole_core.registry import Registry


def site(*trusted: str) -> Any:
    config = SimpleNamespace(trusted_proxies=list(trusted), public_url="http://a.example")
    return SimpleNamespace(config=config)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "198.51.100.1, 10.0.0.7", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4\n198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4\n198.51.100.1, 10.0.0.7", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "", "10.0.0.2"),
        (["10.0.0.0/8"], "10.0.0.2", "nonsense", "10.0.0.2"),
        (["10.0.0.0/8"], "10.0.0.2", "198.51.100.1, nonsense", "10.0.0.2"),
        (["10.0.0.0/8"], "::ffff:10.0.0.2", "2001:db8::1", "2001:db8::1"),
        (["::1/128"], "::1", ", ".join(["9.9.9.9"] + ["::1"] * 40), "::1"),
    ],
)
def test_the_real_peer(trusted: list[str], peer: str, forwarded: str, expected: str) -> None:
    headers = Headers([("X-Forwarded-For", line) for line in forwarded.split("\n")])
    assert security.address(site(*trusted), peer, headers) == expected


def test_limits_count_lines_not_addresses() -> None:
    assert security.network("2001:db8:1:2:3::9") == "2001:db8:1:2::/64"
    assert security.network("203.0.113.9") == "203.0.113.9"
    assert security.network("<local>") == "<local>"


def test_guest_ids_of_another_form_are_not_taken() -> None:
    made = security.new_guest_id()
    assert security.guest_id(site(), {"metropole_guest": made}) == made
    for bad in ("", "x", made + "x", "<" * 22):
        assert security.guest_id(site(), {"metropole_guest": bad}) is None


def test_choices_about_the_look() -> None:
    assert parse_ui("scheme-light.rail-narrow") == {"scheme": "light", "rail": "narrow"}
    assert parse_ui("scheme-pink.x-y..-.rail") == {}
    assert parse_ui("scheme-light." * 1000) == {"scheme": "light"}
    assert format_ui({"scheme": "dark", "chat": "hidden"}) == "chat-hidden.scheme-dark"


def test_local_paths() -> None:
    assert local_path("/a?b=c") == "/a?b=c"
    for bad in (None, "", "a", "//x", "/\\x", "http://x", "/a b", "/a\n"):
        assert local_path(bad, "/home") == "/home"


def test_texts_of_numbers() -> None:
    now = datetime.now(UTC)
    assert words.duration(now - timedelta(hours=3, minutes=2, seconds=1), now) == "3:02:01"
    assert words.duration(now + timedelta(seconds=9), now) == "0:00:00"
    assert words.duration(None) == ""
    assert [words.compact(n) for n in (0, 999, 1000, 2418, 12_600, 3_000_000)] == [
        "0", "999", "1K", "2.4K", "12.6K", "3M"
    ]  # fmt: skip
    assert words.iso(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
    assert words.initials("_x") == "X"
    assert words.initials("__") == "?"


def test_json_in_a_page_cannot_end_its_script() -> None:
    text = "</script><!--\u2028&"
    made = script_json({"a": text})
    assert not set("<>&\u2028") & set(made)
    assert json.loads(made) == {"a": text}


def test_covers_are_drawn_well_formed_and_alike() -> None:
    made = art.cover("northlight")
    ElementTree.fromstring(made)
    assert made == art.cover("northlight")
    assert made != art.cover("northlights")
    assert "<script" not in made
    assert len(made) < 20_000


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "app-1.js").write_text("export {}")
    (folder / "app-1.js.gz").write_bytes(gzip.compress(b"export {}"))
    manifest = {
        "src/app.ts": {"file": "app-1.js", "css": ["app-2.css"]},
        "src/b.css": {"file": "b.css"},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "secret.txt").write_text("no")
    return Assets({"mine": folder, "unbuilt": tmp_path / "nowhere"})


def test_assets_are_found_by_entry(assets: Assets) -> None:
    built = assets.find("mine", "src/app.ts")
    assert built is not None
    assert built.file == "/assets/mine/app-1.js"
    assert built.css == ("/assets/mine/app-2.css",)
    assert assets.find("mine", "src/none.ts") is None
    assert "unbuilt" in assets.missing


@pytest.mark.parametrize(
    "file", ["../secret.txt", "none.js", "app-1.js.gz", "", ".", "..", "/etc/passwd", "a\0b"]
)
def test_assets_end_at_their_folder(assets: Assets, file: str) -> None:
    assert assets.path("mine", file) is None
    assert assets.path("nobody", "app-1.js") is None


async def test_assets_are_served_for_ever_and_packed(fresh: Any, assets: Assets) -> None:
    fresh.app.extensions["pages"].assets = assets
    browser = await fresh.visitor()
    plain = await browser.get("/assets/mine/app-1.js")
    assert plain.body == b"export {}"
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    packed = await browser.get("/assets/mine/app-1.js", {"Accept-Encoding": "br, gzip;q=0.8"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    for path in ("/assets/mine/manifest.json", "/assets/mine/%2e%2e/secret.txt", "/assets/x/y.js"):
        assert (await browser.get(path)).status == 404


GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Sign in"
msgstr "%s"
"""


def test_catalogs_of_core_and_theme_are_merged(tmp_path: Path) -> None:
    for name, word in (("core", "Anmelden"), ("theme", "Hereinspaziert")):
        folder = tmp_path / name / "qq" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "messages.po").write_text(GERMAN % word)
    core = Catalogs([tmp_path / "core", tmp_path / "missing"])
    assert core.languages == ("en", "qq")
    both = Catalogs([tmp_path / "core", tmp_path / "theme"])
    assert both.translations("qq").gettext("Sign in") == "Hereinspaziert"
    assert core.translations("qq").gettext("Sign in") == "Anmelden"
    core.use("fr")
    assert gettext("Sign in") == "Sign in"


def test_a_theme_overrides_templates_and_reaches_those_below(tmp_path: Path) -> None:
    for name, text in (
        ("mine/_logo.html", "mine + {% include 'core/_logo.html' %}"),
        ("base/_logo.html", "never seen"),
        ("base/_rail.html", "the base's rail"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    themes = [
        Theme(name=name, title=name, templates=tmp_path / name) for name in ("mine", "base")
    ] + [Theme(name="bare", title="bare")]
    renderer = Renderer(themes)
    assert renderer.render("_logo.html", {}).startswith("mine + <svg")
    assert renderer.render("_rail.html", {}) == "the base's rail"
    assert "<svg" in Renderer([]).render("_logo.html", {})
    with pytest.raises(TemplateNotFound):
        renderer.render("../secret.html", {})


def test_which_theme_is_in_use() -> None:
    registry = Registry()
    for theme in (
        Theme(name="default", title="d"),
        Theme(name="neon", title="n", base="default"),
        Theme(name="loop", title="l", base="loop"),
        Theme(name="alone", title="a", base="not_installed"),
    ):
        registry.add(f"theme_{theme.name}", "register_theme", theme)

    def active(name: str | None) -> list[str]:
        site: Any = SimpleNamespace(registry=registry, config=SimpleNamespace(theme=name))
        return [owned.theme.name for owned in active_themes(site)]

    assert active(None) == ["default"]
    assert active("neon") == ["neon", "default"]
    assert active("loop") == ["loop"]
    assert active("alone") == ["alone"]
    assert active("gone") == ["default"]
    registry.drop("theme_default")
    assert active("gone") == ["alone"], "any look is better than none"
    empty: Any = SimpleNamespace(registry=Registry(), config=SimpleNamespace(theme=None))
    assert active_themes(empty) == []
