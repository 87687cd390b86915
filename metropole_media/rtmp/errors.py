"""What an RTMP peer can do wrong. Every message is a sentence for the person at the encoder."""

from __future__ import annotations


class ProtocolError(ValueError):
    """Base: the peer cannot be followed any further; the connection has to be closed."""


class BadHandshake(ProtocolError):
    """What arrives is no RTMP handshake."""


class BadChunk(ProtocolError):
    """The chunk stream contradicts itself."""


class BadMessage(ProtocolError):
    """A message cannot be read, or comes at the wrong moment."""


class BadTag(ProtocolError):
    """An audio or video message cannot be read."""


class UnsupportedCodec(ProtocolError):
    """The encoder sends a codec that is not taken; the sentence says what to set."""


class LimitExceeded(ProtocolError):
    """A stated bound of `limits.RtmpLimits` was passed."""
