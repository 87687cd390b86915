"""What a server says to an encoder, as AMF0 payloads.

Source: RTMP 1.0 section 7.2.1.1 (connect), 7.2.2 (onStatus); codes of NetConnection and NetStream
as encoders know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from metropole_media.rtmp import amf0

NOTHING: Final[Mapping[str, amf0.Value]] = MappingProxyType({})
SERVER = "Metropole"
START = "NetStream.Publish.Start"
BAD_NAME = "NetStream.Publish.BadName"
DENIED = "NetStream.Publish.Denied"
FAILED = "NetStream.Failed"
UNPUBLISHED = "NetStream.Unpublish.Success"


def connected(transaction: float, enhanced: Mapping[str, amf0.Value] = NOTHING) -> bytes:
    """The answer to connect. AMF3 is declined: every encoder then speaks AMF0.

    Flash Media Server's version is what encoders expect to read; `server` tells who it is.

    Arguments:
        enhanced: what `capabilities.answer_to` says. It stands in both objects, because encoders
            look for it in either.
    """
    return amf0.encode(
        [
            "_result",
            transaction,
            {
                "fmsVer": "FMS/3,0,1,123",
                "capabilities": 31.0,
                "mode": 1.0,
                "server": SERVER,
                **enhanced,
            },
            {
                "level": "status",
                "code": "NetConnection.Connect.Success",
                "description": "Connection succeeded.",
                "objectEncoding": 0.0,
                **enhanced,
            },
        ]
    )


def result(transaction: float, value: amf0.Value = None) -> bytes:
    """A plain answer to a call."""
    return amf0.encode(["_result", transaction, None, value])


def call_failed(transaction: float, description: str) -> bytes:
    """The answer to a call that does not exist here."""
    return amf0.encode(
        [
            "_error",
            transaction,
            None,
            {"level": "error", "code": "NetConnection.Call.Failed", "description": description},
        ]
    )


def status(level: str, code: str, description: str) -> bytes:
    """An onStatus: level is "status" or "error"."""
    return amf0.encode(
        ["onStatus", 0.0, None, {"level": level, "code": code, "description": description}]
    )
