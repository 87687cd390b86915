"""What this server says about itself to an encoder that speaks Enhanced RTMP.

Source: Enhanced RTMP v2 (Veovera), section Enhancing NetConnection connect Command. Encoders that
ask for nothing of it (OBS, FFmpeg) get the plain answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from metropole_media.codecs.table import AUDIO_CODECS, VIDEO_CODECS
from metropole_media.rtmp import amf0

ASKING = ("fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx")
CAN_DECODE, CAN_FORWARD = 1, 4
MULTITRACK, MODIFIERS = 2, 4
"""Bits of `capsEx`. Not said: 1, reconnect requests, and 8, nanoseconds in time stamps."""


def answer_to(asked: Mapping[str, object]) -> dict[str, amf0.Value]:
    """Properties for the answer to a connect with those properties."""
    if all(asked.get(name) is None for name in ASKING):
        return {}
    each = float(CAN_DECODE | CAN_FORWARD)
    return {
        "fourCcList": [*VIDEO_CODECS, *AUDIO_CODECS],
        "videoFourCcInfoMap": dict.fromkeys(VIDEO_CODECS, each),
        "audioFourCcInfoMap": dict.fromkeys(AUDIO_CODECS, each),
        "capsEx": float(MULTITRACK | MODIFIERS),
    }
