"""One running broadcast: its LiveStream, and what each egress makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from metropole_core.contracts.egress import Egress, Output, PlaybackSource
from metropole_core.contracts.provider import BroadcastRef
from metropole_core.contracts.transcoding import Transcoding
from metropole_media.live import LiveStream


@dataclass(slots=True)
class _Followed:
    """One egress on the stream."""

    name: str
    output: Output | None = None
    available: bool = False


class Broadcast:
    """A stream with its outputs. A failing egress costs its own output and nothing else.

    Arguments:
        ref: which it is.
        stream: the packets.
        available: called once, when the first egress can be played.
        log: where a failing egress is told.
    """

    def __init__(
        self,
        ref: BroadcastRef,
        stream: LiveStream,
        available: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self.playback_id = ref.playback_id
        self.stream = stream
        self._ref = ref
        self._available: Callable[[], None] | None = available
        self._log = log
        self._outputs: list[_Followed] = []
        self._leave_transcoding: Callable[[], None] = lambda: None

    def transcode(self, transcoding: Transcoding) -> None:
        """Have renditions made of the stream."""
        self._leave_transcoding = transcoding.follow(self._ref, self.stream)

    def follow(self, egress: Egress, base_url: str) -> None:
        """Let an egress play the stream out."""
        followed = _Followed(egress.name)

        def available() -> None:
            followed.available = True
            if followed.output is not None:
                self._tell()

        try:
            followed.output = egress.open(self._ref, self.stream, base_url, available)
        except Exception:
            self._log.exception("%s: egress %s is left out", self.stream.name, egress.name)
            return
        self._outputs.append(followed)
        if followed.available:
            self._tell()

    def playback(self) -> tuple[PlaybackSource, ...]:
        """What can be played now, lowest latency first."""
        sources = []
        for followed in self._outputs:
            if not followed.available or followed.output is None:
                continue
            try:
                source = followed.output.source()
            except Exception:
                self._log.exception(
                    "%s: egress %s names no source", self.stream.name, followed.name
                )
                continue
            if source is not None:
                sources.append(source)
        return tuple(sorted(sources, key=lambda source: source.latency_ms))

    def end(self) -> None:
        """End the stream, then close every output."""
        self._available = None
        self._leave_transcoding()
        self.stream.end()
        outputs, self._outputs = self._outputs, []
        for followed in outputs:
            try:
                if followed.output is not None:
                    followed.output.close()
            except Exception:
                self._log.exception("%s: egress %s does not close", self.stream.name, followed.name)

    def _tell(self) -> None:
        tell, self._available = self._available, None
        if tell is not None:
            tell()
