"""REST v1: public, read-only, described by OpenAPI at `/api/v1/openapi.json`."""

from __future__ import annotations

from metropole_core.api.setup import register

__all__ = ["register"]
