"""The default theme: dark first, light as good; tokens and styles over the core's templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metropole_core import hookimpl
from metropole_core.contracts.theme import Theme

HERE = Path(__file__).parent


class Plugin:
    """Entry point `theme_default`."""

    requires_api = ">=1,<2"
    assets = HERE / "static" / "dist"

    @hookimpl
    def register_theme(self, register: Callable[[Theme], None]) -> None:
        """Hand over the look."""
        register(
            Theme(
                name="default",
                title="Metropole",
                styles=("src/theme.css",),
            )
        )
