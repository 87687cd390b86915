"""One encoder's connection: the socket around a `ServerSession`.

Its work per read is constant: time limits are looked at by the listener's tick, not by timers of
their own. The network buffer is shared by all connections of the listener, since nothing of it is
kept once `buffer_updated` has returned.

A connection that ends from this side tells the encoder why, closes its half, and for a moment
throws away what still arrives, because closing a socket with unread octets would destroy the
reason on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metropole_core.contracts.publishing import Grant, Refusal
from metropole_media.live import Packet, PublisherHandle, Track
from metropole_media.rtmp import answers
from metropole_media.rtmp.errors import ProtocolError
from metropole_media.rtmp.events import (
    Event,
    Notice,
    PublishEnded,
    PublishRequested,
    TracksKnown,
)
from metropole_media.rtmp.handshake import RANDOM_OCTETS
from metropole_media.rtmp.server import ServerSession

if TYPE_CHECKING:
    from metropole_ingest_rtmp.listener import RtmpListener

AUTHORISE_SECONDS = 10.0
LINGER_SECONDS = 1.0
LINGER_OCTETS = 1024 * 1024
FRAME_SECONDS = 1.0
"""Over which frames are counted at least: what waited in the network comes at once."""
UNAVAILABLE = "The server cannot take streams right now: try again in a minute."
TOO_MANY_FRAMES = "The encoder sends more frames a second than this server can take."
NO_KEY = "No stream key was given: copy it from the dashboard into the encoder."

CODES = {
    "bad_key": answers.BAD_NAME,
    "not_allowed": answers.DENIED,
    "already_live": answers.BAD_NAME,
    "ended_by_creator": answers.DENIED,
    "rate_limited": answers.DENIED,
    "limit": answers.DENIED,
    "unavailable": answers.FAILED,
}
"""RTMP's words for the codes of a `Refusal`. OBS shows a dialog for each and does not retry."""


class RtmpConnection(asyncio.BufferedProtocol):
    """One connection of `listener`."""

    def __init__(self, listener: RtmpListener) -> None:
        self._listener = listener
        self._log = listener.context.log
        self._session = ServerSession(os.urandom(RANDOM_OCTETS), listener.limits, listener.now)
        self._transport: asyncio.Transport
        self._grant: Grant | None = None
        self._handle: PublisherHandle | None = None
        self._early = True
        self._asking = False
        self._full = False
        self._closing = False
        self._gone = False
        self._lingered = 0
        self._opened_at = self._heard_at = listener.now()
        self._granted_at = self._opened_at
        self._heard = 0
        self._chunks = self._frames = 0
        self._frames_at = self._opened_at
        self.address = ""

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else "unknown"
        if not self._listener.admit(self):
            self._gone = self._closing = True
            transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        buffer = self._listener.buffer
        if self._early and not self._closing:
            # One octet more than allowed, so that passing the bound is noticed.
            return buffer[: self._session.early_octets_left + 1]
        return buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            self._lingered += nbytes
            if self._lingered > LINGER_OCTETS:
                self._transport.abort()
            return
        try:
            events = self._session.receive(self._listener.buffer[:nbytes])
            if events:
                self._handle_events(events)
            self._flush()
        except ProtocolError as error:
            self._end(answers.FAILED, str(error))
        except Exception:
            self._break()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        # The encoder asks, but does not read the answers.
        self._full = True
        self._set_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._set_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._gone:
            self._gone = True
            self._listener.left(self)
        self._closing = True
        self._lose(
            "The connection broke."
            if exc is not None
            else "The encoder closed the connection without saying that it stops."
        )

    # The listener's side

    def tick(self, now: float) -> None:
        """Look at the time limits; called about once a second."""
        limits, session = self._listener.limits, self._session
        if self._closing or self._asking:
            return
        if self._early:
            if now - self._opened_at > limits.before_grant_seconds:
                self._end(answers.FAILED, "The encoder took too long to ask to publish.")
            return
        if session.received != self._heard:
            self._heard, self._heard_at = session.received, now
        elif now - self._heard_at > limits.silence_seconds:
            self._end(answers.FAILED, f"The encoder sent nothing for {limits.silence_seconds:g} s.")
            return
        if self._grant is not None:
            # An octet now and then is no stream, but would keep the channel's page live.
            packet_at = max(self._granted_at, self._grant.stream.stats.last_packet_at)
            if now - packet_at > limits.silence_seconds:
                self._end(
                    answers.FAILED,
                    f"The encoder sent no picture and no sound for {limits.silence_seconds:g} s.",
                )
                return
        if session.chunks - self._chunks > limits.chunks_per_second * self._listener.tick_seconds:
            self._end(answers.FAILED, "The encoder cuts its data into chunks that are too small.")
            return
        self._chunks = session.chunks
        seconds = now - self._frames_at
        if seconds >= FRAME_SECONDS:
            if session.frames - self._frames > limits.frames_per_second * seconds:
                self._end(answers.FAILED, TOO_MANY_FRAMES)
                return
            self._frames, self._frames_at = session.frames, now

    def shut(self, sentence: str) -> None:
        """End because the server ends."""
        self._end(answers.FAILED, sentence)

    def abort(self) -> None:
        """Close without another word."""
        self._transport.abort()

    # Publishing

    def _handle_events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Packet):
                if self._handle is not None:
                    self._handle.write(event)
            elif isinstance(event, TracksKnown):
                if self._handle is not None:
                    self._handle.describe(event.tracks)
                    self._log.info(
                        "RTMP: %s sends %s", self._name(), ", ".join(map(_describe, event.tracks))
                    )
            elif isinstance(event, Notice):
                self._log.warning("RTMP: %s: %s", self._name(), event.sentence)
                if self._grant is not None:
                    self._grant.publication.notice(event.code, event.sentence)
            elif isinstance(event, PublishRequested):
                self._asking = True
                self._set_reading()
                self._listener.context.spawn(self._authorise(event), "rtmp-authorise")
            elif isinstance(event, PublishEnded):
                self._finish()
                return

    async def _authorise(self, request: PublishRequested) -> None:
        answer: Grant | Refusal
        if not request.key:
            answer = Refusal("bad_key", NO_KEY)
        else:
            try:
                async with asyncio.timeout(AUTHORISE_SECONDS):
                    answer = await self._listener.context.publishing.open(
                        self._listener.name, request.key, self.address
                    )
            except Exception as error:
                # Its text might hold the key: only the kind is told.
                self._log.error("RTMP: deciding about a stream failed: %s", type(error).__name__)
                answer = Refusal("unavailable", UNAVAILABLE)
        if isinstance(answer, Grant):
            self._welcome(answer)
        else:
            self._refuse(answer)

    def _refuse(self, refusal: Refusal) -> None:
        self._asking = False
        if self._closing:
            return
        self._listener.admission.complain(
            "RTMP: refused an encoder at %s: %s", self.address, refusal.sentence
        )
        self._session.refuse(CODES.get(refusal.code, answers.FAILED), refusal.sentence)
        self._linger()

    def _welcome(self, grant: Grant) -> None:
        self._asking = False
        if self._closing:
            grant.publication.lost("The encoder went away while it was being admitted.")
            return
        try:
            self._handle = grant.stream.attach()
        except RuntimeError:
            grant.publication.lost("Another encoder came first.")
            self._refuse(Refusal("already_live", "Another encoder is live on this channel."))
            return
        self._grant = grant
        grant.publication.on_cut(self._cut)
        if self._closing:
            return  # cut off at once
        self._early = False
        now = self._listener.now()
        self._heard, self._heard_at = self._session.received, now
        self._granted_at = now
        self._log.info("RTMP: %s is connected from %s", self._name(), self.address)
        try:
            self._handle_events(self._session.accept())
            self._flush()
        except ProtocolError as error:
            self._end(answers.FAILED, str(error))
        except Exception:
            self._break()
        self._set_reading()

    def _finish(self) -> None:
        """The encoder says that it stops."""
        self._log.info("RTMP: %s has stopped", self._name())
        grant = self._detach()
        if grant is not None:
            grant.publication.ended()
        self._linger()

    def _cut(self, sentence: str) -> None:
        self._end(answers.BAD_NAME, sentence)

    # Ending

    def _end(self, code: str, sentence: str) -> None:
        """End from this side, with a reason for the encoder and the log."""
        if self._closing:
            return
        if self._grant is not None:
            self._log.warning("RTMP: closed %s: %s", self._name(), sentence)
        else:
            self._listener.admission.complain("RTMP: closed %s: %s", self._name(), sentence)
        self._session.fail(code, sentence)
        self._linger()
        self._lose(sentence)

    def _break(self) -> None:
        """Something of ours failed while it took this stream: end this one only."""
        self._log.exception("RTMP: a stream from %s failed in this server", self.address)
        self._end(answers.FAILED, UNAVAILABLE)

    def _lose(self, reason: str) -> None:
        grant = self._detach()
        if grant is not None:
            self._log.info("RTMP: lost %s: %s", grant.channel.name, reason)
            grant.publication.lost(reason)

    def _detach(self) -> Grant | None:
        grant, self._grant = self._grant, None
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.detach()
        return grant

    def _linger(self) -> None:
        self._flush()
        self._closing = True
        self._set_reading()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            # An encoder that has hung up already leaves nothing to end.
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.abort)

    def _flush(self) -> None:
        if out := self._session.outgoing():
            self._transport.write(out)

    def _set_reading(self) -> None:
        if self._transport.is_closing():
            return
        if (self._asking or self._full) and not self._closing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _name(self) -> str:
        return (
            self._grant.channel.name if self._grant is not None else f"an encoder at {self.address}"
        )


def _describe(track: Track) -> str:
    if track.kind == "video":
        return f"{track.codec} {track.width}x{track.height}"
    return f"{track.codec} {track.sample_rate} Hz x{track.channels}"
