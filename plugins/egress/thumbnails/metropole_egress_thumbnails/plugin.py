"""The plugin as the core sees it."""

from __future__ import annotations


class Plugin:
    """Live thumbnails for Metropole."""

    requires_api = ">=1,<2"
