"""One client of the media port: a state machine on asyncio's transport, without a task.

A connection has one phase and one deadline at any time; the listener looks at the deadlines of
all connections a few times a second. Requests are answered in order: while one waits for its
answer, or while the client is slow to take one, those behind it stay unread octets.
"""

from __future__ import annotations

import asyncio
import math
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING, cast

from metropole_media.http.limits import refusal
from metropole_media.http.origin import Pending, Response
from metropole_media.http.parser import BadHead, Head, RequestParser
from metropole_media.http.ranges import apply_range

if TYPE_CHECKING:
    from metropole_media.http.listener import Listener


class Phase(IntEnum):
    """What a connection is doing. The first two can take up a request."""

    IDLE = 0
    HEAD = 1
    """part of a request head is here"""
    WAITING = 2
    """an origin has the request and answers later"""
    RELEASED = 3
    """the answer is there and waits for its turn"""
    SENDING = 4
    """the client is slow to take an answer"""
    CLOSING = 5
    """the last answer is on its way; what still arrives is thrown away"""


# Looking up a member of an Enum costs more than all that is done with it here.
IDLE, HEAD, WAITING, RELEASED, SENDING, CLOSING = Phase


class Connection(asyncio.BufferedProtocol):
    """asyncio calls this; so does the listener, with `deliver`, `expire` and `shut_down`."""

    __slots__ = (
        "_eof",
        "_head",
        "_last",
        "_limits",
        "_listener",
        "_parser",
        "_paused",
        "_pending",
        "_phase",
        "_rest",
        "_transport",
        "address",
        "deadline",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._limits = listener.limits
        self._parser = RequestParser()
        self._transport: asyncio.Transport
        self._phase = IDLE
        self._head: Head | None = None
        self._pending: Pending | None = None
        self._rest: memoryview | None = None
        self._paused = False
        self._eof = False
        self._last = False
        self.address = ""
        self.deadline = math.inf

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(self._limits.write_high, self._limits.write_low)
        self._enter(IDLE, self._limits.idle_timeout)
        refused = self._listener.admit(self, transport.get_extra_info("peername"))
        if refused is not None:
            self._end_with(refused)

    def get_buffer(self, sizehint: int) -> memoryview:
        # One buffer for all connections: it is filled and emptied within one step of the loop. Not
        # the bytearray: a TLS transport reads further records into slices, which would be copies.
        return self._listener.inbox_view

    def buffer_updated(self, nbytes: int) -> None:
        phase, parser, listener = self._phase, self._parser, self._listener
        if phase is IDLE:
            head = parser.whole(listener.inbox, nbytes)
            if head is None:
                self._work()
                return
            self._take_up(head)
            if self._phase is IDLE:
                self.deadline = monotonic() + self._limits.idle_timeout
        elif phase is not CLOSING:
            parser.feed(listener.inbox_view[:nbytes])
            if phase is HEAD:
                self._work()
            elif parser.buffered >= self._limits.receive_buffer and not self._paused:
                self._paused = True
                self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more. What was asked is still answered, unless it must wait."""
        # asyncio keeps no TLS connection half open, and warns who asks for that.
        if self._phase in (RELEASED, SENDING) and self._transport.can_write_eof():
            self._eof = True
            return True
        return False

    def pause_writing(self) -> None:
        if self._phase is not CLOSING:
            self._enter(SENDING, self._limits.slow_timeout)

    def resume_writing(self) -> None:
        if self._phase is not SENDING:
            return
        self._enter(IDLE, self._limits.idle_timeout)
        self._send_rest()
        if self._free:
            if self._last:
                self._finish()
            else:
                self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._phase = CLOSING
        self._rest = None
        self._listener.forget(self)

    # What the listener calls

    def abort(self) -> None:
        """Cut the client off."""
        self._transport.abort()

    def deliver(self, response: Response) -> None:
        """Send the answer that was waited for."""
        if self._phase is RELEASED:
            self._respond_late(response)

    def expire(self) -> None:
        """The deadline has passed."""
        counters = self._listener.counters
        phase = self._phase
        if phase is IDLE:
            counters.idle_closed += 1
            self._close()
        elif phase is HEAD:
            counters.bad_requests += 1
            self._end_with(refusal(408, "the request head did not arrive in time"))
        elif phase is WAITING:
            counters.waits_expired += 1
            pending = self._stop_waiting()
            if pending is not None:
                self._listener.hand_over(self, self._listener.expired(pending))
        elif phase is SENDING:
            counters.slow_aborted += 1
            self.abort()
        elif phase is CLOSING:
            if self._transport.is_closing() or self._transport.get_write_buffer_size():
                self.abort()
            else:
                self._close()

    def shut_down(self) -> None:
        """The listener closes: finish what is on its way, answer 503 to a client that waits."""
        self._last = True
        if self._free:
            self._close()
        elif self._phase is WAITING:
            self._stop_waiting()
            self._listener.hand_over(self, refusal(503, "the server is stopping", 1))

    # Requests

    @property
    def _free(self) -> bool:
        """Whether the next request can be taken up."""
        return self._phase <= HEAD

    def _work(self) -> None:
        """Answer the requests that are here, until one has to be waited for."""
        answered = False
        while self._phase <= HEAD:
            try:
                head = self._parser.next_head()
            except BadHead as error:
                self._listener.counters.bad_requests += 1
                self._end_with(refusal(error.status, error.sentence))
                return
            if head is None:
                self._await_more(answered)
                return
            answered = True
            self._take_up(head)

    def _take_up(self, head: Head) -> None:
        self._head = head
        listener = self._listener
        listener.counters.requests += 1
        answer = listener.answer(head)
        if isinstance(answer, Pending):
            self._wait(answer)
        else:
            self._respond(answer)

    def _await_more(self, answered: bool) -> None:
        if self._eof:
            self._finish()
            return
        if not self._parser.buffered:
            self._enter(IDLE, self._limits.idle_timeout)
        elif answered or self._phase is IDLE:
            self._enter(HEAD, self._limits.head_timeout)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _wait(self, pending: Pending) -> None:
        listener = self._listener
        if pending.answer is not None:
            self._respond(pending.answer)
        elif listener.waiting >= self._limits.max_waiters:
            listener.counters.waits_refused += 1
            self._respond(refusal(503, "too many players wait here; try again", 1))
        else:
            listener.waiting += 1
            listener.counters.waits += 1
            self._pending = pending
            self._phase = WAITING
            self.deadline = monotonic() + min(pending.timeout, self._limits.max_wait)
            pending.add(id(self), self._released)

    def _released(self, response: Response) -> None:
        if self._pending is None:
            return
        self._pending = None
        listener = self._listener
        listener.waiting -= 1
        if listener.may_answer():
            self._respond_late(response)
        else:
            self._phase = RELEASED
            self.deadline = math.inf
            listener.put_off(self, response)

    def _respond_late(self, response: Response) -> None:
        self._phase = IDLE
        self.deadline = monotonic() + self._limits.idle_timeout
        self._respond(response)
        if (self._parser.buffered or self._eof) and self._phase <= HEAD:
            # Not here: an origin is in the middle of releasing its waiters.
            self._listener.loop.call_soon(self._work)

    def _stop_waiting(self) -> Pending | None:
        pending = self._pending
        if pending is not None:
            self._pending = None
            self._listener.waiting -= 1
            pending.discard(id(self))
            self._enter(RELEASED, math.inf)
        return pending

    # Answers

    def _respond(self, response: Response) -> None:
        """Send an answer to the request at hand."""
        transport, head, listener = self._transport, self._head, self._listener
        if transport.is_closing():
            return
        rest = None
        try:
            if head is not None and head.plain and response.gzip is not None:
                response = response.form(head.gzip)
            if (
                head is not None
                and head.plain
                and not self._last
                and len(response.body) <= self._limits.write_chunk
            ):
                start = response.wire(listener.date)
            else:
                start, rest = self._serialise(head, response)
        except Exception as error:
            prefix = head.prefix if head is not None else ""
            start, rest = self._serialise(head, listener.failed(prefix, error))
        listener.counters.octets += len(start)
        transport.write(start)
        if rest is not None:
            self._rest = rest
            if self._phase <= HEAD:
                self._send_rest()
        if head is None or not head.keep_alive:
            self._last = True
        if self._last and self._phase <= HEAD:
            self._finish()

    def _serialise(self, head: Head | None, response: Response) -> tuple[bytes, memoryview | None]:
        """An answer that is made for this client: at once, and what follows when that is taken."""
        chunk = self._limits.write_chunk
        compressed = False
        if response.gzip is not None:
            compressed = head is not None and head.gzip
            response = response.form(compressed)
        if head is not None and not compressed:
            response = apply_range(head.request, response)
        last = head is None or not head.keep_alive or self._last
        lines = (
            response.head
            + self._listener.date
            + (b"Connection: close\r\n\r\n" if last else b"\r\n")
        )
        if head is not None and head.request.method == "HEAD":
            return lines, None
        if len(response.body) <= chunk:
            return lines + response.body, None
        body = memoryview(response.body)
        return lines + bytes(body[:chunk]), body[chunk:]

    def _send_rest(self) -> None:
        """Hand on a long body, piece by piece as the client takes it."""
        chunk = self._limits.write_chunk
        while self._rest is not None and self._free:
            piece = self._rest[:chunk]
            self._rest = self._rest[chunk:] if len(self._rest) > chunk else None
            self._listener.counters.octets += len(piece)
            self._transport.write(piece)

    # The end

    def _end_with(self, response: Response) -> None:
        """Send a last answer that belongs to no request that could be read."""
        self._head = None
        self._respond(response)

    def _finish(self) -> None:
        """Say that nothing follows, then let the client read the last answer.

        Closing at once, with octets of the client unread, would make the kernel reset the
        connection and the answer might never be seen (RFC 9112 section 9.6).
        """
        slow = self._transport.get_write_buffer_size() > 0
        self._enter(CLOSING, self._limits.slow_timeout if slow else self._limits.linger)
        # Not here: asyncio may be in the middle of writing (`resume_writing`), and would end the
        # connection a second time after that, which fails when the client has left meanwhile.
        self._listener.loop.call_soon(self._hang_up)

    def _hang_up(self) -> None:
        transport = self._transport
        if self._eof or not transport.can_write_eof():
            transport.close()
        elif not transport.is_closing():
            try:
                transport.write_eof()
            except OSError:  # the client has reset the connection meanwhile
                transport.abort()
            else:
                transport.resume_reading()

    def _close(self) -> None:
        self._enter(CLOSING, self._limits.linger)
        self._transport.close()

    def _enter(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self.deadline = monotonic() + seconds
