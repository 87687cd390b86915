"""Themes: tokens, styles and template overrides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Theme:
    """How the site looks. Registered with `register_theme`.

    Fields:
        name: short name, chosen with the setting `theme`.
        title: for people.
        templates: folder whose files win over the core's templates of the same name.
        styles: entry points in the plugin's asset manifest, linked in this order.
        scripts: entry points likewise, loaded as modules.
        base: name of the theme it builds on, or None for the core's plain pages.
    """

    name: str
    title: str
    templates: Path | None = None
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    base: str | None = None
