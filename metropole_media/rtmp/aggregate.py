"""Aggregate messages: several audio and video messages in one.

Source: RTMP 1.0 section 7.1.6. The first inner time stamp is that of the outer message; the
others keep their distance from it.
"""

from __future__ import annotations

from metropole_media.rtmp.errors import BadMessage
from metropole_media.rtmp.messages import AUDIO, VIDEO, Message

MAX_PARTS = 1024
_HEADER = 11
_BACK_POINTER = 4


def split(message: Message) -> list[Message]:
    """The audio and video messages inside, without copying them.

    Raises:
        BadMessage: cut off, or more than 1024 of them.
    """
    payload = message.payload
    parts: list[Message] = []
    at, end = 0, len(payload)
    base = -1
    while at < end:
        start = at + _HEADER
        size = int.from_bytes(payload[at + 1 : at + 4], "big")
        if start + size + _BACK_POINTER > end:
            raise BadMessage("An aggregate message is cut off.")
        if len(parts) >= MAX_PARTS:
            raise BadMessage("An aggregate message holds too many messages.")
        stamp = int.from_bytes(payload[at + 4 : at + 7], "big") | payload[at + 7] << 24
        if base < 0:
            base = stamp
        if payload[at] in (AUDIO, VIDEO):
            timestamp = (message.timestamp + stamp - base) & 0xFFFFFFFF
            body = payload[start : start + size]
            parts.append(Message(payload[at], timestamp, message.stream_id, body))
        at = start + size + _BACK_POINTER
    return parts
