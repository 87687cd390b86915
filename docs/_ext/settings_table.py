"""Tables of settings, made from the models themselves.

`{settings} module:Model [table]` is one table; the second word is the table of the file in which
these settings stand. `{plugin-settings}` makes a section for every plugin of ours that is
installed, with the settings that creators have of its chat modes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from metropole_core.config import variable

OURS = "metropole-"


def load(path: str) -> type[BaseModel]:
    """The model named by "package.module:Attribute.Attribute"."""
    module, _, attributes = path.partition(":")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found  # type: ignore[no-any-return]


def rows(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """(name, type, default, what it is) of every field; a table of its own says so."""
    schema = model.model_json_schema()
    found = []
    for name, field in model.model_fields.items():
        described = schema["properties"][name]
        meaning = described.get("description") or described.get("title", "")
        nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        kind = "table" if nested else kind_of(described)
        default = field.default
        shown = "" if nested else _default(default, required=field.is_required())
        found.append((name, kind, shown, meaning))
    return found


def kind_of(described: dict[str, Any]) -> str:
    """The type in the words of JSON and TOML."""
    if "enum" in described:
        return " or ".join(f'"{value}"' for value in described["enum"])
    parts = described.get("anyOf") or [described]
    words = {"null": "", "object": "table", "array": "list", "boolean": "true or false"}
    kinds = [words.get(part.get("type", ""), part.get("type", "text")) for part in parts]
    return " or ".join(dict.fromkeys(kind.replace("string", "text") for kind in kinds if kind))


def _default(value: Any, *, required: bool) -> str:
    if required:
        return "required"
    if value is PydanticUndefined or value is None:
        return ""
    plain = str(value) if isinstance(value, Path) else value
    return f"`{json.dumps(plain, default=list)}`"


def table(model: type[BaseModel], prefix: str | None = "") -> list[str]:
    """Markdown; with a prefix such as "limits." (None: not at all) the environment's names."""
    column = prefix is not None
    head = ["setting", "type", "default", "what it is", *(["environment"] if column else [])]
    lines = [_row(head), "|" + "---|" * len(head)]
    for name, kind, default, meaning in rows(model):
        cells = [f"`{name}`", kind, default, meaning.replace("|", "\\|")]
        if column:
            cells.append("" if kind == "table" else f"`{variable(f'{prefix}{name}')}`")
        lines.append(_row(cells))
    return lines


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plugins() -> Iterator[tuple[str, type[Any]]]:
    """Name and class of every plugin of ours that is installed."""
    for entry in sorted(entry_points(group="metropole"), key=lambda entry: entry.name):
        if entry.dist is not None and entry.dist.name.startswith(OURS):
            yield entry.name, entry.load()


def chat_mode_settings(cls: type[Any]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Title and settings of the chat modes that a plugin registers."""
    from metropole_core.testing import make_context

    if not hasattr(cls, "register_chat_mode"):
        return
    settings = getattr(cls, "Settings", None)
    context = make_context(settings() if settings is not None else None)
    plugin = cls() if cls.__init__ is object.__init__ else cls(context)
    modes: list[Any] = []
    plugin.register_chat_mode(register=modes.append)
    for mode in modes:
        yield mode.title, mode.Settings


class Settings(SphinxDirective):
    """`{settings} module:Model [table]`"""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        prefix = f"{self.arguments[1]}." if len(self.arguments) > 1 else ""
        return self.parse_text_to_nodes("\n".join(table(load(self.arguments[0]), prefix)))


class PluginSettings(SphinxDirective):
    """`{plugin-settings}`"""

    def run(self) -> list[nodes.Node]:
        lines: list[str] = []
        for name, cls in plugins():
            model = getattr(cls, "Settings", None)
            modes = list(chat_mode_settings(cls))
            lines += [f"## {name}", "", (cls.__doc__ or "").strip(), ""]
            if model is not None:
                lines += [f"In the file: `[plugin.{name}]`.", ""]
                lines += [*table(model, f"plugin.{name}."), ""]
            for title, settings in modes:
                lines += [f"What a creator sets for a channel ({title}):", ""]
                lines += [*table(settings, None), ""]
            if model is None and not modes:
                lines += ["It has no settings.", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("settings", Settings)
    app.add_directive("plugin-settings", PluginSettings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
