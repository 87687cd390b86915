"""Templates to bytes: the active theme's, its base's, then the core's plain ones.

A theme's template of the same name wins; it reaches the core's as `core/<name>`, to extend it.
Rendering is synchronous (a page awaits its data first), which costs half of Jinja's async mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
)
from markupsafe import Markup

from metropole_core.accounts.passwords import MIN_LENGTH
from metropole_core.contracts.theme import Theme
from metropole_core.pages import words
from metropole_core.pages.i18n import gettext, ngettext

CORE_TEMPLATES = Path(__file__).parent.parent / "templates"


class Renderer:
    """The Jinja environment of the site."""

    def __init__(self, themes: Sequence[Theme]) -> None:
        """`themes`: the active one first, then its bases."""
        core = FileSystemLoader(CORE_TEMPLATES)
        loaders: list[BaseLoader] = [
            FileSystemLoader(theme.templates) for theme in themes if theme.templates is not None
        ]
        self.env = Environment(
            loader=ChoiceLoader([*loaders, core, PrefixLoader({"core": core})]),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self.env.install_gettext_callables(  # type: ignore[attr-defined]
            gettext, ngettext, newstyle=True
        )
        self.env.globals["password_length"] = MIN_LENGTH
        self.env.filters.update(
            compact=words.compact,
            number=words.number,
            duration=words.duration,
            day=words.day,
            iso=words.iso,
            hue=words.hue,
            initials=words.initials,
            script_json=script_json,
        )

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """A whole page."""
        return self.env.get_template(template).render(context)


_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def script_json(value: object) -> Markup:
    """JSON for a `<script type="application/json">`: no character that HTML or JavaScript could
    read as an end or a comment (HTML 4.12.1.3)."""
    text = msgspec.json.encode(value).decode()
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 (every character that means something to HTML is escaped)
