"""Which theme is in use, and which it builds on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metropole_core.contracts.theme import Theme

if TYPE_CHECKING:
    from metropole_core.site import Site

MAX_BASES = 10


@dataclass(frozen=True, slots=True)
class OwnedTheme:
    """A theme and the plugin whose assets are its."""

    theme: Theme
    owner: str


def active_themes(site: Site) -> list[OwnedTheme]:
    """The theme that the operator chose, or the only one installed, or the default one; then its
    bases. Empty when there is none: the core's plain pages stand by themselves."""
    registry = site.registry
    chosen = next(
        (
            theme
            for name in (site.config.theme, "default")
            if name and (theme := registry.theme(name))
        ),
        next(iter(registry.themes()), None),
    )
    found: list[OwnedTheme] = []
    while chosen is not None and len(found) < MAX_BASES:
        if any(owned.theme.name == chosen.name for owned in found):
            break
        found.append(OwnedTheme(chosen, registry.owner(chosen) or ""))
        chosen = registry.theme(chosen.base) if chosen.base is not None else None
    return found


def asset_folders(site: Site) -> dict[str, Path]:
    """Folders of built files, by plugin."""
    return site.plugins.assets()
