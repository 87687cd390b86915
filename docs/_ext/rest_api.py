"""The directive `rest-api`: every call of the REST API, from its own OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

from docutils import nodes
from quart import Quart
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def document() -> dict[str, Any]:
    """What `/api/v1/openapi.json` of a site answers."""
    from metropole_core.api import setup as api

    app = Quart("metropole_core", static_folder=None, template_folder=None)
    api.register(app, None)  # type: ignore[arg-type]
    return api.describe(app)


def markdown(described: dict[str, Any]) -> list[str]:
    """A section for each call, and a table for each object of the answers."""
    schemas = described.get("components", {}).get("schemas", {})
    lines: list[str] = ["## Calls", ""]
    for path, calls in sorted(described["paths"].items()):
        for method, call in calls.items():
            lines += [f"### {method.upper()} {path}", ""]
            lines += [call.get("summary", ""), "", call.get("description", ""), ""]
            for parameter in call.get("parameters", []):
                meaning = parameter.get("description", "in the path")
                schema = parameter["schema"]
                said = []
                if "minimum" in schema:
                    said.append(f"{schema['minimum']} to {schema['maximum']}")
                if "default" in schema:
                    said.append(f"{json.dumps(schema['default'])} when left out")
                more = f" ({', '.join(said)})" if said else ""
                lines.append(f"- `{parameter['name']}`, {schema['type']}: {meaning}{more}")
            for status, answer in sorted(call.get("responses", {}).items()):
                for name in names_in(answer):
                    lines.append(f"- {status}: {_link(name)}")
            lines.append("")
    lines += ["## Objects", ""]
    anywhere: dict[str, str] = {}
    for schema in schemas.values():
        anywhere |= fields_in(schema.get("description", ""))
    for name, schema in sorted(schemas.items()):
        lines += [
            f"(object-{name.lower()})=",
            f"### {name}",
            "",
            _prose(schema.get("description", "")),
            "",
        ]
        lines += ["| field | type | meaning |", "|---|---|---|"]
        meanings = anywhere | fields_in(schema.get("description", ""))
        for field, value in schema.get("properties", {}).items():
            lines.append(f"| `{field}` | {_kind(value)} | {meanings.get(field, '')} |")
        lines.append("")
    return lines


def _link(name: str) -> str:
    return f"[{name}](#object-{name.lower()})"


def names_in(value: Any) -> list[str]:
    """Names of the objects that a piece of the document refers to."""
    return list(dict.fromkeys(re.findall(r"#/components/schemas/(\w+)", json.dumps(value))))


def fields_in(docstring: str) -> dict[str, str]:
    """Field: meaning, of the section "Fields:" of a docstring."""
    _, _, text = docstring.partition("Fields:\n")
    found: dict[str, str] = {}
    last: list[str] = []
    for line in text.splitlines():
        match = re.match(r"\s*([\w, ]+): (.*)", line)
        if match:
            last = [name.strip() for name in match[1].split(",")]
            found |= dict.fromkeys(last, match[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in last}
    return found


def _prose(docstring: str) -> str:
    return docstring.partition("Fields:\n")[0].strip()


def _kind(value: dict[str, Any]) -> str:
    if names := names_in(value):
        link = _link(names[0])
        return f"list of {link}" if value.get("type") == "array" else link
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {}))}"
    kinds = [part.get("type", "text") for part in value.get("anyOf", [value])]
    if "date-time" in json.dumps(value):
        kinds = ["time" if kind == "string" else kind for kind in kinds]
    return " or ".join(kind.replace("string", "text") for kind in kinds)


class RestApi(SphinxDirective):
    """`{rest-api}`"""

    def run(self) -> list[nodes.Node]:
        text = "\n".join(markdown(document()))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("rest-api", RestApi)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
