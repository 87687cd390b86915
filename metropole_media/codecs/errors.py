"""What can be wrong with a codec's configuration."""

from __future__ import annotations


class CodecError(ValueError):
    """Base: the codec configuration cannot be used. The message is a sentence for a person."""


class BadRecord(CodecError):
    """The record is cut off, contradicts itself or passes a stated bound."""


class UnsupportedProfile(CodecError):
    """The record is well formed, but describes what this server does not take."""
