"""The plugin as the core sees it."""

from __future__ import annotations


class Plugin:
    """Renditions by an ffmpeg program (VAAPI, Quick Sync) for Metropole."""

    requires_api = ">=1,<2"
