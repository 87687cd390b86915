"""Channels: names, details, stream keys, searches."""

from metropole_core.channels.model import Channel
from metropole_core.channels.service import Channels

__all__ = ["Channel", "Channels"]
