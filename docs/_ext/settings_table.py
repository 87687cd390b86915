"""The directive `settings`: a table of a pydantic model's fields, made from the model itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def load(path: str) -> type[BaseModel]:
    """The model named by "package.module:Attribute.Attribute"."""
    module, _, attributes = path.partition(":")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found  # type: ignore[no-any-return]


def rows(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """(name, type, default, what it is) of every field."""
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    found = []
    for name, field in schema.get("properties", {}).items():
        kind = field.get("type") or " or ".join(
            part.get("type", "table") for part in field.get("anyOf", [{"type": "table"}])
        )
        default = "required" if name in required else repr(field.get("default", ""))
        meaning = field.get("description") or field.get("title", "")
        found.append((name, kind, default, meaning))
    return found


class Settings(SphinxDirective):
    """`{settings} module:Model`"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        lines = ["| setting | type | default | what it is |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {kind} | `{default}` | {meaning} |"
            for name, kind, default, meaning in rows(load(self.arguments[0]))
        ]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("settings", Settings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
