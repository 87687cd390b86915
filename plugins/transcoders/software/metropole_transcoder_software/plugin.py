"""The plugin as the core sees it."""

from __future__ import annotations


class Plugin:
    """Renditions in software (x264, SVT-AV1, x265) for Metropole."""

    requires_api = ">=1,<2"
