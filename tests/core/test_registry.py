"""The registry takes what fits the contracts, and says what does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from metropole_core.contracts.chat_mode import Allow, Draft, Stage, Verdict
from metropole_core.contracts.checks import Check
from metropole_core.contracts.ingest import IngressPoint
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.theme import Theme
from metropole_core.errors import PluginError
from metropole_core.registry import MAX_PER_KIND, Registry


class GoodIngest:
    name = "good"

    def point(self) -> IngressPoint:
        return IngressPoint("good", "Good", "good://localhost")

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class GoodMode:
    name = "good"
    title = "Good"
    description = "Good."
    stage = Stage.PACE
    fail_open = True
    Settings: ClassVar[type[BaseModel]] = BaseModel

    def sentence(self, settings: BaseModel) -> str:
        return "good"

    async def check(self, draft: Draft, settings: BaseModel) -> Verdict:
        return Allow()

    async def accepted(self, draft: Draft, settings: BaseModel) -> float | None:
        return None


class GoodEgress:
    name = "good"
    engine = None
    prefix = "good"
    origin = None

    def open(self, broadcast: BroadcastRef, stream: Any, base_url: str, available: Any) -> Any:
        return SimpleNamespace()


def changed(good: type[Any], **attributes: Any) -> Any:
    return type("Changed", (good,), attributes)()


def test_what_fits_is_taken_in_order() -> None:
    registry = Registry()
    for name in ("b", "a"):
        registry.add("plugin_x", "register_ingest", changed(GoodIngest, name=name))
    registry.add("plugin_y", "register_theme", Theme("plain", "Plain", Path("x"), ("a.css",)))
    late = changed(GoodMode, name="aa", stage=Stage.HOLD)
    early = changed(GoodMode, name="zz", stage=Stage.PERMISSION)
    registry.add("plugin_z", "register_chat_mode", late)
    registry.add("plugin_z", "register_chat_mode", early)
    assert [ingest.name for ingest in registry.ingests()] == ["a", "b"]
    assert registry.chat_modes() == (early, late)
    assert registry.chat_mode("aa") is late
    assert registry.chat_mode("bb") is None
    theme = registry.theme("plain")
    assert theme is not None
    assert registry.owner(theme) == "plugin_y"
    assert registry.owner(object()) is None
    assert registry.names("plugin_z") == (
        ("register_chat_mode", "aa"),
        ("register_chat_mode", "zz"),
    )
    registry.drop("plugin_x")
    assert registry.ingests() == ()


@pytest.mark.parametrize(
    ("hook", "item", "words"),
    [
        ("register_ingest", GoodIngest, ["got the class GoodIngest"]),
        ("register_ingest", object(), ["field `name` of object is missing"]),
        ("register_ingest", changed(GoodIngest, name=3), ["field `name`", "3", "must be str"]),
        ("register_ingest", changed(GoodIngest, name="Bad Name"), ["field `name`", "lower-case"]),
        ("register_ingest", changed(GoodIngest, name="n" * 41), ["field `name`", "at most 40"]),
        ("register_ingest", changed(GoodIngest, stop=None), ["method `stop`", "missing"]),
        (
            "register_ingest",
            changed(GoodIngest, start=lambda self: None),
            ["method `start`", "must be `async def`"],
        ),
        (
            "register_ingest",
            changed(GoodIngest, point=GoodIngest.start),
            ["method `point`", "must be a plain method"],
        ),
        (
            "register_chat_mode",
            changed(GoodMode, sentence=lambda self: ""),
            ["method `sentence`", "must take (settings)"],
        ),
        (
            "register_chat_mode",
            changed(GoodMode, stage="pace"),
            ["field `stage`", "must be Stage"],
        ),
        (
            "register_chat_mode",
            changed(GoodMode, Settings=dict),
            ["field `Settings`", "a subclass of BaseModel"],
        ),
        (
            "register_chat_mode",
            changed(GoodMode, title=property(lambda self: 1 / 0)),
            ["field `title`", "raises ZeroDivisionError"],
        ),
        ("register_egress", changed(GoodEgress, prefix="a/b"), ["field `prefix`", "slashes"]),
        ("register_egress", changed(GoodEgress, engine="hls"), ["field `engine`", "Engine"]),
        ("register_egress", changed(GoodEgress, origin=3), ["field `origin`", "Origin or None"]),
        ("register_theme", {"name": "x"}, ["got dict, not a contracts Theme"]),
        ("register_theme", Theme("x", "X", "templates"), ["field `templates`", "Path or None"]),  # type: ignore[arg-type]
        ("register_theme", Theme("x", "X", styles=("a", 3)), ["field `styles`"]),  # type: ignore[arg-type]
        ("register_checks", Check("x", "y"), ["field `run`"]),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_named(hook: str, item: Any, words: list[str]) -> None:
    registry = Registry()
    with pytest.raises(PluginError) as caught:
        registry.add("plugin_x", hook, item)
    for word in ["plugin plugin_x", f"hook {hook}", *words]:
        assert word in caught.value.sentence
    assert registry.names("plugin_x") == ()


def test_names_and_prefixes_are_unique() -> None:
    registry = Registry()
    registry.add("one", "register_egress", GoodEgress())
    with pytest.raises(PluginError, match="which plugin one has registered already"):
        registry.add("two", "register_egress", changed(GoodEgress, prefix="other"))
    with pytest.raises(PluginError, match="field `prefix` is 'good', which plugin one"):
        registry.add("two", "register_egress", changed(GoodEgress, name="other"))


async def test_checks_are_named_within_their_plugin() -> None:
    async def run() -> list[Any]:
        return []

    registry = Registry()
    registry.add("one", "register_checks", Check("port", run))
    registry.add("two", "register_checks", Check("port", run))
    assert len(registry.checks()) == 2
    with pytest.raises(PluginError, match="already"):
        registry.add("two", "register_checks", Check("port", run))


def test_the_number_is_bounded() -> None:
    registry = Registry()
    for number in range(MAX_PER_KIND):
        registry.add("many", "register_theme", Theme(f"t{number}", "T"))
    with pytest.raises(PluginError, match="more than 500"):
        registry.add("many", "register_theme", Theme("onemore", "T"))


def test_the_provider_of_a_channel() -> None:
    registry = Registry("second")
    assert registry.provider_for("first") is None
    for name in ("third", "first"):
        registry._items["register_provider"][name] = ("p", SimpleNamespace(name=name))
    for chosen, expected in (("third", "third"), ("gone", "first"), (None, "first")):
        provider = registry.provider_for(chosen)
        assert provider is not None
        assert provider.name == expected
    registry._items["register_provider"]["second"] = ("p", SimpleNamespace(name="second"))
    provider = registry.provider_for(None)
    assert provider is not None
    assert provider.name == "second"
