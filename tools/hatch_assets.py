"""Refuses to build a wheel without its built front end, which would install and then look broken.

A build hook of hatchling, used by every package with a front end of its own:

    [tool.hatch.build.hooks.custom]
    path = ".../tools/hatch_assets.py"
    needs = "<package>/static/dist/manifest.json"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Looks for the manifest before a wheel is made; an editable one is served from the checkout,
    where `make assets` may still come."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        needed = Path(self.root, self.config["needs"])
        if version != "editable" and not needed.is_file():
            raise SystemExit(
                f"{needed} is missing: the front end is not built. Run `make wheels` at the top of "
                "the repository, which builds it first."
            )
