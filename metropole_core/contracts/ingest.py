"""Ingest: sockets in, packets of a LiveStream out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IngressPoint:
    """Where an encoder connects, without its key.

    Fields:
        protocol: "rtmp".
        title: for the creator's page ("RTMP").
        url: what goes into the encoder's "Server" field.
        key_hint: how the key is given ("stream key").
        help: (label, text) lines for a person, e.g. where to paste it in OBS.
    """

    protocol: str
    title: str
    url: str
    key_hint: str = "Stream key"
    help: tuple[tuple[str, str], ...] = ()


class Ingest(Protocol):
    """A way for encoders to reach this server. Registered with `register_ingest`."""

    name: str
    """Short name, equal to the protocol: "rtmp"."""

    def point(self) -> IngressPoint:
        """Where encoders connect now."""

    async def start(self) -> None:
        """Open the sockets. Raises MetropoleError with a sentence (a port that is taken)."""

    async def stop(self) -> None:
        """Close listener and connections within a second."""
