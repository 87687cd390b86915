"""Messages of RTMP: their types, and the control messages.

Source: RTMP 1.0 sections 5.4 (protocol control), 6.2 (user control), 7.1 (types).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_SIZE: Final = 5
PEER_BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
COMMAND_AMF3: Final = 17
DATA: Final = 18
COMMAND: Final = 20
AGGREGATE: Final = 22

CONTROL_CSID: Final = 2
COMMAND_CSID: Final = 3
STATUS_CSID: Final = 5

STREAM_BEGIN: Final = 0
PING_REQUEST: Final = 6
PING_RESPONSE: Final = 7

LIMIT_DYNAMIC: Final = 2


@dataclass(slots=True)
class Message:
    """One whole message.

    Fields:
        type: one of the constants above.
        timestamp: milliseconds modulo 2^32.
        stream_id: message stream, 0 for the connection itself.
        payload: memory of this message alone; nobody writes to it any more.
    """

    type: int
    timestamp: int
    stream_id: int
    payload: memoryview


def number(value: int) -> bytes:
    """Payload of set chunk size, acknowledgement and window size."""
    return value.to_bytes(4, "big")


def peer_bandwidth(window: int) -> bytes:
    """Payload of set peer bandwidth (section 5.4.5), limit type dynamic."""
    return number(window) + bytes((LIMIT_DYNAMIC,))


def user_control(event: int, value: bytes) -> bytes:
    """Payload of a user control message (section 6.2)."""
    return event.to_bytes(2, "big") + value
