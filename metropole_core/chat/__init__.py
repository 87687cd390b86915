"""Chat rooms: what may be said, who is there, what was said. Knows nothing of sockets."""

from metropole_core.chat.messages import Message
from metropole_core.chat.service import Chat, Said

__all__ = ["Chat", "Message", "Said"]
