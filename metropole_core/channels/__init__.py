"""Channels: names, details, stream keys, cards."""

from metropole_core.channels.listing import Card, Listing
from metropole_core.channels.models import Channel
from metropole_core.channels.service import Channels

__all__ = ["Card", "Channel", "Channels", "Listing"]
