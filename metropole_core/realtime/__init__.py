"""The site's WebSocket: live status for every page, and the chat of one channel."""

from metropole_core.realtime.socket import register

__all__ = ["register"]
