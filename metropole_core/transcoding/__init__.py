"""Which renditions streams get, who makes them, and what is done when that goes wrong."""

from metropole_core.transcoding.service import TranscodingService

__all__ = ["TranscodingService"]
