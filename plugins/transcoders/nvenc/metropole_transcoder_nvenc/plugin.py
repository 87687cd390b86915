"""The plugin as the core sees it."""

from __future__ import annotations


class Plugin:
    """Renditions on NVIDIA graphics cards for Metropole."""

    requires_api = ">=1,<2"
