"""The reference is made from the code; what the code does not say would be missing there."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest
from metropole_cli.main import main
from pydantic import BaseModel

from metropole_core import contracts
from metropole_core.config import ENV_OTHERS, SiteConfig, settings_of
from metropole_core.hookspecs import HookSpecs

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))
rest_api = importlib.import_module("rest_api")
settings_table = importlib.import_module("settings_table")


def page(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


MODULES = [
    importlib.import_module(f"metropole_core.contracts.{module.name}")
    for module in pkgutil.iter_modules(contracts.__path__)
]
HOOKS = [name for name in vars(HookSpecs) if not name.startswith("_")]


def classes(module: ModuleType) -> Iterator[type[Any]]:
    for name, found in vars(module).items():
        if inspect.isclass(found) and found.__module__ == module.__name__ and name[0] != "_":
            yield found


CONTRACTS = [found for module in MODULES for found in classes(module)]


def test_every_module_of_the_contracts_is_on_the_page() -> None:
    text = page("hooks.md")
    for module in MODULES:
        assert f".. automodule:: {module.__name__}\n   :members:" in text, module.__name__
    assert ":members: HookSpecs" in text


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_when_it_runs_and_what_it_gets(hook: str) -> None:
    text = inspect.getdoc(getattr(HookSpecs, hook)) or ""
    assert "Runs " in text, "says when it runs"
    for argument in inspect.signature(getattr(HookSpecs, hook)).parameters:
        assert argument == "self" or f"`{argument}`" in text, f"says what `{argument}` is"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.__name__)
def test_every_contract_says_what_it_is(contract: type[Any]) -> None:
    text = contract.__doc__ or ""
    assert text, "no docstring: the reference leaves it out"
    assert not text.startswith(f"{contract.__name__}("), "no docstring but the one dataclasses make"
    missing = [name for name in fields(contract) if not describes(contract, name)]
    assert not missing, "fields that neither the docstring nor a line below them explains"
    for name, member in vars(contract).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            assert member.__doc__, f"{contract.__name__}.{name} has no docstring"


def fields(contract: type[Any]) -> list[str]:
    if dataclasses.is_dataclass(contract):
        return [field.name for field in dataclasses.fields(contract)]
    if issubclass(contract, msgspec.Struct):
        return list(contract.__struct_fields__)
    return [name for name in vars(contract).get("__annotations__", {}) if name[0] != "_"]


PLAIN = {
    "name",
    "title",
    "channel_id",
    "user_id",
    "id",
    "help",
    "clock",
    "events",
    "log",
    "settings",
}
"""What needs no words."""


def describes(contract: type[Any], field: str) -> bool:
    """The docstring of the class or of one it derives from names it, or a text follows it."""
    if field in PLAIN:
        return True
    for each in contract.__mro__:
        if re.search(rf"\b{field}\b", each.__doc__ or ""):
            return True
        if each.__module__.startswith("metropole_core") and field in commented(each):
            return True
    # A field whose type is documented itself, and that is called like it, says enough.
    return field.replace("_", "") in {each.__name__.lower() for each in CONTRACTS}


def commented(contract: type[Any]) -> set[str]:
    """Fields with a text of their own below them, or a comment beside them."""
    tree = ast.parse(inspect.getsource(contract))
    (found,) = tree.body
    assert isinstance(found, ast.ClassDef)
    return {
        line.target.id
        for line, after in zip(found.body, found.body[1:], strict=False)
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def tables(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield name, kind


def test_every_table_of_the_settings_has_a_section() -> None:
    text = page("settings.md")
    assert "{settings} metropole_core.config.model:SiteConfig\n" in text
    for name, model in tables(SiteConfig):
        wanted = f"{{settings}} {model.__module__}:{model.__name__} {name}\n"
        assert wanted in text, f"## [{name}] with a block {wanted}"
        assert f"## [{name}]\n" in text
        assert not list(tables(model)), "the page shows two levels"
    assert "{plugin-settings}" in text


def models() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "site", SiteConfig
    yield from tables(SiteConfig)
    for name, cls in settings_table.plugins():
        if (model := getattr(cls, "Settings", None)) is not None:
            yield name, model
        yield from settings_table.chat_mode_settings(cls)


@pytest.mark.parametrize(("name", "model"), list(models()))
def test_every_setting_says_what_it_is(name: str, model: type[BaseModel]) -> None:
    for field, info in model.model_fields.items():
        assert info.title, f"{name}.{field} has no title"
        if model is not SiteConfig or field != "plugins":
            assert info.description or name == "Slow mode", f"{name}.{field} has no description"
    assert len(settings_table.rows(model)) == len(model.model_fields)


def test_settings_of_our_plugins_are_all_there() -> None:
    names = {name for name, _ in settings_table.plugins()}
    assert {"provider_local", "ingest_rtmp", "egress_hls", "chat_mode_slow"} <= names
    assert "limits.streams" in settings_of(SiteConfig)


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


def test_the_page_of_the_command_shows_all_of_it() -> None:
    text = page("cli.md")
    assert ".. click:: metropole_cli.main:main\n   :prog: metropole\n   :nested: full" in text
    hidden = [path for path, command in commands(main) if command.hidden]
    assert not hidden


def test_every_variable_of_the_command_is_known_and_described() -> None:
    given = {
        variable
        for _, command in [("", main), *commands(main)]
        for parameter in command.params
        for variable in ([parameter.envvar] if isinstance(parameter.envvar, str) else [])
    }
    assert given == ENV_OTHERS, "a setting's name would be taken for one of the site's"
    listed = re.findall(r"^\| `(METROPOLE_\w+)` \|", page("settings.md"), re.MULTILINE)
    assert set(listed) == ENV_OTHERS


def test_every_call_of_the_api_is_described() -> None:
    from quart import Quart

    from metropole_core.api import setup

    app = Quart("metropole_core", static_folder=None, template_folder=None)
    setup.register(app, None)  # type: ignore[arg-type]
    described = rest_api.document()
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert set(described["paths"]) == rules
    for path, calls in described["paths"].items():
        for call in calls.values():
            assert call["summary"], f"{path} has no docstring"
            assert path.endswith("openapi.json") or "200" in call["responses"], path
    text = rest_api.markdown(described)
    empty = [line for line in text if line.startswith("| `") and line.endswith("|  |")]
    assert not empty, "fields of the API's objects that no docstring explains"
    assert "{rest-api}" in page("api.md")
