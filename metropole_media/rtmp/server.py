"""A session of an RTMP server that takes publishers, without a socket.

Octets in, typed events out (`events.py`), and octets to send. Whoever owns the socket calls
`receive`, sends what `outgoing` answers, and decides about each `PublishRequested` with `accept`
or `refuse`. After a `ProtocolError` only `fail` and `outgoing` make sense.

Known peers: OBS (librtmp), FFmpeg, GStreamer's rtmp2, Larix. They copy or ignore the chunk size
that is announced after connect; OBS reads nothing any more once it publishes.
"""

from __future__ import annotations

from collections.abc import Callable

from metropole_media.rtmp import aggregate, amf0, answers, capabilities, messages
from metropole_media.rtmp.assembly import Assembly
from metropole_media.rtmp.chunk_writer import ChunkWriter
from metropole_media.rtmp.chunks import ChunkReader
from metropole_media.rtmp.errors import BadMessage, LimitExceeded
from metropole_media.rtmp.events import Event, PublishEnded, PublishRequested
from metropole_media.rtmp.handshake import ServerHandshake
from metropole_media.rtmp.key import find_key
from metropole_media.rtmp.limits import RtmpLimits
from metropole_media.rtmp.messages import Message
from metropole_media.rtmp.states import State, after

SMALLEST_WINDOW = 64 * 1024
QUIET_CALLS = frozenset({"releaseStream", "FCPublish", "_checkbw"})
"""Calls that are answered and mean nothing here."""
END_CALLS = frozenset({"FCUnpublish", "closeStream", "deleteStream"})
ANSWERS = frozenset({"_result", "_error", "onStatus"})


class ServerSession:
    """One connection.

    Arguments:
        random: 1528 octets for the handshake.
        limits: bounds of this connection.
        clock: monotonic seconds.
    """

    def __init__(self, random: bytes, limits: RtmpLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self.state = State.HANDSHAKE
        self.received = 0
        """Octets received so far."""
        self._handshake = ServerHandshake(random)
        # Nobody knows the peer yet: its messages together may take no more than its octets may.
        early = limits.before_grant_octets
        self._reader = ChunkReader(
            RtmpLimits(
                message=min(early, limits.message),
                unfinished=min(early, limits.unfinished),
                chunk_streams=limits.chunk_streams,
                chunks_per_read=limits.chunks_per_read,
            )
        )
        self._writer = ChunkWriter()
        self._out = bytearray()
        self._held = b""
        self._app = self._tc_url = ""
        self._streams = 0
        self._stream_id = 0
        self._window = limits.window
        self._acknowledged = 0
        self._assembly = Assembly(clock)
        self._most_frames = 0

    @property
    def chunks(self) -> int:
        """Chunks that had to be looked at one by one; see `RtmpLimits.chunks_per_second`."""
        return self._reader.chunks

    @property
    def frames(self) -> int:
        """Frames so far; see `RtmpLimits.frames_per_second`."""
        return self._assembly.frames

    @property
    def early_octets_left(self) -> int:
        """How much the peer may still send before it is accepted."""
        return max(0, self._limits.before_grant_octets - self.received)

    @property
    def kept(self) -> int:
        """Octets kept of what has not become an event yet, for tests of the bounds."""
        return self._reader.kept + len(self._held)

    def receive(self, data: memoryview) -> list[Event]:
        """Take octets from the peer.

        Nothing of `data` is kept by reference.

        Raises:
            ProtocolError: the connection has to be closed; the sentence says why.
        """
        events: list[Event] = []
        if self.state in (State.ENDED, State.CLOSED):
            return events
        self.received += len(data)
        if self.state is State.PUBLISHING:
            self._publishing(data, events)
        else:
            self._early(data, events)
        if self.received - self._acknowledged >= self._window:
            self._acknowledged = self.received
            self._control(messages.ACKNOWLEDGEMENT, messages.number(self.received & 0xFFFFFFFF))
        return events

    def outgoing(self) -> bytes:
        """What has to be sent; each octet is handed out once."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def accept(self) -> list[Event]:
        """The publisher is welcome.

        Returns:
            Events of what arrived in the meantime.

        Raises:
            ProtocolError: what arrived in the meantime was wrong.
        """
        self.state = after(self.state, "accept")
        self._reader.limits = self._limits
        self._control(
            messages.USER_CONTROL,
            messages.user_control(messages.STREAM_BEGIN, messages.number(self._stream_id)),
        )
        self._status("status", answers.START, "Publishing has begun.")
        held, self._held = self._held, b""
        events: list[Event] = []
        self._publishing(memoryview(held), events)
        return events

    def refuse(self, code: str, description: str) -> None:
        """The publisher is not welcome. The connection is to be closed.

        Arguments:
            code: one of `answers`, e.g. "NetStream.Publish.BadName".
            description: a sentence for the encoder's log.
        """
        self.state = after(self.state, "refuse")
        self._held = b""
        self._status("error", code, description)

    def fail(self, code: str, description: str) -> None:
        """The connection has to end, from this side. Says why, if the peer can read it."""
        readable = self.state not in (State.HANDSHAKE, State.ENDED, State.CLOSED)
        self.state = after(self.state, "fail")
        self._held = b""
        if readable:
            self._status("error", code, description)

    def _publishing(self, data: memoryview, events: list[Event]) -> None:
        whole: list[Message] = []
        self._reader.feed(data, whole)
        self._most_frames = self._assembly.frames + self._limits.frames_per_read
        for message in whole:
            if message.type in (messages.AUDIO, messages.VIDEO):
                self._media(message, events)
            else:
                self._message(message, events)
                if self.state is not State.PUBLISHING:
                    return

    def _early(self, data: memoryview, events: list[Event]) -> None:
        if self.state is State.HANDSHAKE:
            taken, answer = self._handshake.receive(data)
            self._out += answer
            data = data[taken:]
            if self._handshake.done:
                self.state = after(self.state, "handshake")
        # One message at a time: what follows publish is read with the limits of a publisher.
        while len(data) and self.state in (State.CONNECTING, State.CONNECTED):
            whole: list[Message] = []
            data = data[self._reader.feed(data, whole, single=True) :]
            for message in whole:
                self._message(message, events)
        if self.received > self._limits.before_grant_octets:
            raise LimitExceeded("The encoder sent too much before it was allowed to publish.")
        if self.state is State.AUTHORISING:
            self._held += bytes(data)

    def _message(self, message: Message, events: list[Event]) -> None:
        kind, payload = message.type, message.payload
        if kind == messages.COMMAND:
            self._command(payload, message.stream_id, events)
        elif kind == messages.COMMAND_AMF3:
            self._command(_without_amf3_marker(payload), message.stream_id, events)
        elif kind == messages.DATA:
            self._data(payload)
        elif kind == messages.DATA_AMF3:
            self._data(_without_amf3_marker(payload))
        elif kind == messages.USER_CONTROL:
            if len(payload) >= 6 and int.from_bytes(payload[:2], "big") == messages.PING_REQUEST:
                pong = messages.user_control(messages.PING_RESPONSE, bytes(payload[2:6]))
                self._control(messages.USER_CONTROL, pong)
        elif kind == messages.WINDOW_SIZE:
            if len(payload) != 4:
                raise BadMessage("The encoder sent a control message of a wrong length.")
            self._window = max(int.from_bytes(payload, "big"), SMALLEST_WINDOW)
        elif kind in (messages.AUDIO, messages.VIDEO, messages.AGGREGATE):
            if self.state is not State.PUBLISHING:
                raise BadMessage("The encoder sent media before it asked to publish.")
            for part in aggregate.split(message):
                self._media(part, events)
        # Acknowledgements, bandwidth and shared objects ask for nothing.

    def _media(self, message: Message, events: list[Event]) -> None:
        self._assembly.take(message, events)
        if self._assembly.frames > self._most_frames:
            raise LimitExceeded("The encoder sends more frames than this server can take.")

    def _data(self, payload: memoryview) -> None:
        values = self._decode(payload)
        if values and values[0] == "@setDataFrame":
            del values[0]
        if len(values) > 1 and values[0] == "onMetaData" and isinstance(values[1], dict):
            self._assembly.metadata(values[1])

    def _command(self, payload: memoryview, stream_id: int, events: list[Event]) -> None:
        values = self._decode(payload)
        if len(values) < 2 or not isinstance(values[0], str) or not isinstance(values[1], float):
            raise BadMessage("The encoder sent a command without a name or a number.")
        name, transaction, arguments = values[0], values[1], values[2:]
        if self.state is State.CONNECTING or name == "connect":
            self._connect(name, transaction, arguments)
        elif name == "createStream":
            self._create_stream(transaction)
        elif name == "publish":
            self._publish(stream_id, arguments, events)
        elif name in END_CALLS:
            self._unpublish(transaction, events)
        elif name in QUIET_CALLS:
            self._answer(transaction, answers.result(transaction))
        elif name == "getStreamLength":
            self._answer(transaction, answers.result(transaction, 0.0))
        elif name in ("play", "play2"):
            raise BadMessage("Playing over RTMP is not offered here: open the channel's page.")
        elif name not in ANSWERS:
            self._answer(transaction, answers.call_failed(transaction, "No such call."))

    def _connect(self, name: str, transaction: float, arguments: list[amf0.Value]) -> None:
        self.state = after(self.state, name)
        asked = arguments[0] if arguments else None
        enhanced: dict[str, amf0.Value] = {}
        if isinstance(asked, dict):
            enhanced = capabilities.answer_to(asked)
            app, tc_url = asked.get("app"), asked.get("tcUrl")
            self._app = app if isinstance(app, str) else ""
            self._tc_url = tc_url if isinstance(tc_url, str) else ""
        window = self._limits.window
        self._control(messages.WINDOW_SIZE, messages.number(window))
        self._control(messages.PEER_BANDWIDTH, messages.peer_bandwidth(window))
        self._out += self._writer.set_chunk_size(self._limits.chunk_size)
        self._answer(transaction, answers.connected(transaction, enhanced))

    def _create_stream(self, transaction: float) -> None:
        if self._streams >= self._limits.streams:
            raise LimitExceeded("The encoder makes too many streams in one connection.")
        self._streams += 1
        self._answer(transaction, answers.result(transaction, float(self._streams)))

    def _publish(self, stream_id: int, arguments: list[amf0.Value], events: list[Event]) -> None:
        self.state = after(self.state, "publish")
        self._stream_id = stream_id
        name = arguments[1] if len(arguments) > 1 else ""
        if not isinstance(name, str):
            raise BadMessage("The encoder did not name a stream to publish.")
        key = find_key(name, self._app, self._tc_url)
        if len(key) > self._limits.key:
            raise LimitExceeded("The stream key is too long: copy it again from the dashboard.")
        events.append(PublishRequested(self._app.partition("?")[0], key))

    def _unpublish(self, transaction: float, events: list[Event]) -> None:
        published = self.state is State.PUBLISHING
        self.state = after(self.state, "unpublish")
        self._answer(transaction, answers.result(transaction))
        if published:
            self._status("status", answers.UNPUBLISHED, "Publishing has ended.")
            events.append(PublishEnded())

    def _decode(self, payload: memoryview) -> list[amf0.Value]:
        if len(payload) > self._limits.command:
            raise LimitExceeded("A command or metadata message of the encoder is too long.")
        return amf0.decode(bytes(payload))

    def _answer(self, transaction: float, payload: bytes) -> None:
        # Transaction 0 means that no answer is wanted (section 7.2.1).
        if transaction:
            self._out += self._writer.message(messages.COMMAND_CSID, messages.COMMAND, payload)

    def _status(self, level: str, code: str, description: str) -> None:
        self._out += self._writer.message(
            messages.STATUS_CSID,
            messages.COMMAND,
            answers.status(level, code, description),
            stream_id=self._stream_id,
        )

    def _control(self, kind: int, payload: bytes) -> None:
        self._out += self._writer.message(messages.CONTROL_CSID, kind, payload)


def _without_amf3_marker(payload: memoryview) -> memoryview:
    """Types 15 and 17 carry AMF0 behind one octet of 0."""
    if len(payload) and payload[0]:
        raise BadMessage("The encoder sent a command in AMF3.")
    return payload[1:]
