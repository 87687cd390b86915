"""Server-rendered pages: complete HTML before any script runs.

`register` is all that the app needs. Each module holds one group of routes; none holds a rule.
"""

from __future__ import annotations

from metropole_core.pages.setup import register

__all__ = ["register"]
