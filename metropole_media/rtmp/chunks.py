"""The chunk stream: octets in, whole messages out.

Source: RTMP 1.0 section 5.3. The reader never needs a whole chunk in one piece: octets go
straight from the network buffer into the memory of their message. Three things make it fast:
that memory is allocated once, the chunk that continues the open message is recognised by its one
header octet, and a run of such chunks is taken in one go, with its headers cut out by a strided
delete, so that 128-octet chunks cost little more than large ones.

Time stamps: a type 3 chunk that begins a message adds the delta of the message before, which
after a type 0 chunk is its time stamp (section 5.3.1.2.4; FFmpeg writes and reads it so). With an
extended time stamp, type 3 chunks repeat it (section 5.3.1.3), but some encoders leave it out:
the four octets are taken for it only when they are equal to it.
"""

from __future__ import annotations

from metropole_media.rtmp import messages
from metropole_media.rtmp.errors import BadChunk, LimitExceeded
from metropole_media.rtmp.limits import MAX_CHUNK_SIZE, RtmpLimits
from metropole_media.rtmp.messages import Message

DEFAULT_CHUNK_SIZE = 128
MAX_HEADER = 18  # 3 basic, 11 message, 4 extended time stamp
MAX_RUN = 512  # bounds what is looked at in vain when a run turns out to be short
EXTENDED = 0xFFFFFF
_HEADER_SIZES = (11, 7, 3, 0)
_WRAP = 0xFFFFFFFF


class _ChunkStream:
    """What the next header of one chunk stream id refers to, and its unfinished message."""

    __slots__ = (
        "delta", "extended", "filled", "length", "marker", "memory", "stream_id", "timestamp",
        "type",
    )  # fmt: skip

    def __init__(self, csid: int) -> None:
        self.marker = 0xC0 | csid if csid < 64 else -1
        self.timestamp = 0
        self.delta = 0
        self.extended = -1
        self.length = 0
        self.type = 0
        self.stream_id = 0
        self.filled = 0
        self.memory: memoryview | None = None


class ChunkReader:
    """Reads one direction of a connection.

    Arguments:
        limits: bounds; may be replaced by assigning `limits`.
    """

    __slots__ = (
        "_chunk_left", "_chunk_streams", "_current", "_pending", "_unfinished", "chunk_size",
        "chunks", "limits",
    )  # fmt: skip

    def __init__(self, limits: RtmpLimits) -> None:
        self.limits = limits
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self.chunks = 0
        """Chunks looked at one by one so far."""
        self._chunk_streams: dict[int, _ChunkStream] = {}
        self._current: _ChunkStream | None = None
        self._chunk_left = 0
        self._pending = b""
        self._unfinished = 0

    @property
    def kept(self) -> int:
        """Octets allocated for what is not yet complete."""
        return self._unfinished + len(self._pending)

    def feed(self, data: memoryview, out: list[Message], *, single: bool = False) -> int:
        """Take octets and append the messages that they complete to `out`.

        Set chunk size and abort are obeyed here and do not appear.

        Arguments:
            single: stop behind the first message.

        Returns:
            How many octets were taken: all of them, unless `single`.

        Raises:
            BadChunk: the peer contradicts itself.
            LimitExceeded: a bound of `RtmpLimits` was passed.
        """
        carried = len(self._pending)
        if carried:
            data = memoryview(self._pending + bytes(data))
            self._pending = b""
        pos, end = 0, len(data)
        chunk_size = self.chunk_size
        budget = self.chunks + self.limits.chunks_per_read
        stream, chunk_left = self._current, self._chunk_left
        while True:
            if stream is None:
                if pos >= end:
                    break
                at = self._header(data, pos, end)
                if at < 0:
                    self._pending = bytes(data[pos:end])
                    pos = end
                    break
                pos = at
                self.chunks += 1
                if self.chunks > budget:
                    raise LimitExceeded(
                        "The encoder cuts its data into chunks that are far too small."
                    )
                stream = self._current
                assert stream is not None
                chunk_left = min(chunk_size, stream.length - stream.filled)
            memory, filled, length = stream.memory, stream.filled, stream.length
            assert memory is not None
            while True:
                take = end - pos
                if take > chunk_left:
                    take = chunk_left
                memory[filled : filled + take] = data[pos : pos + take]
                filled += take
                pos += take
                chunk_left -= take
                # Go on only with a chunk that continues this very message.
                if (
                    chunk_left
                    or filled == length
                    or pos >= end
                    or data[pos] != stream.marker
                    or stream.extended >= 0
                ):
                    break
                unit = chunk_size + 1
                count = min((end - pos) // unit, (length - filled) // chunk_size, MAX_RUN)
                if count > 2:
                    heads = bytes(data[pos : pos + count * unit : unit])
                    count -= len(heads.lstrip(heads[:1]))
                    run = bytearray(data[pos : pos + count * unit])
                    del run[::unit]
                    memory[filled : filled + len(run)] = run
                    filled += len(run)
                    pos += count * unit
                else:
                    pos += 1
                    chunk_left = min(chunk_size, length - filled)
            stream.filled = filled
            if chunk_left:
                break
            if filled == length:
                stream.memory = None
                self._unfinished -= length
                if stream.type <= messages.ABORT:
                    self._control(stream.type, memory)
                    chunk_size = self.chunk_size
                else:
                    out.append(Message(stream.type, stream.timestamp, stream.stream_id, memory))
                    if single:
                        stream = None
                        break
            stream = None
        self._current, self._chunk_left = stream, chunk_left
        taken = pos - carried
        if taken < 0:
            # The message ended within what was carried over from the read before.
            self._pending = bytes(data[pos:carried])
            return 0
        return taken

    def _header(self, data: memoryview, pos: int, end: int) -> int:
        """Read one chunk header and make its stream the current one.

        Returns:
            Where the payload begins, or -1 when octets are missing; nothing has changed then.
        """
        first = data[pos]
        form, csid, at = first >> 6, first & 0x3F, pos + 1
        if csid < 2:
            width = csid + 1
            if end - at < width:
                return -1
            csid = 64 + int.from_bytes(data[at : at + width], "little")
            at += width
        stream = self._chunk_streams.get(csid)
        if form == 3:
            return self._continue(stream, data, at, end)
        if stream is None and form == 2:
            raise BadChunk("The encoder refers to a chunk stream that it never began.")
        if stream is not None and stream.memory is not None:
            raise BadChunk("The encoder began a message inside another one.")
        size = _HEADER_SIZES[form]
        if end - at < size:
            return -1
        value = int.from_bytes(data[at : at + 3], "big")
        after = at + size
        extended = -1
        if value == EXTENDED:
            if end - after < 4:
                return -1
            value = extended = int.from_bytes(data[after : after + 4], "big")
            after += 4
        if stream is None:
            if len(self._chunk_streams) >= self.limits.chunk_streams:
                raise LimitExceeded("The encoder uses too many chunk streams.")
            stream = self._chunk_streams[csid] = _ChunkStream(csid)
        if form < 2:
            stream.length = int.from_bytes(data[at + 3 : at + 6], "big")
            stream.type = data[at + 6]
        if form == 0:
            stream.stream_id = int.from_bytes(data[at + 7 : at + 11], "little")
            stream.timestamp = value
        else:
            stream.timestamp = (stream.timestamp + value) & _WRAP
        stream.delta, stream.extended = value, extended
        self._begin(stream)
        return after

    def _continue(self, stream: _ChunkStream | None, data: memoryview, at: int, end: int) -> int:
        if stream is None:
            raise BadChunk("The encoder refers to a chunk stream that it never began.")
        if stream.extended >= 0:
            repeated = bytes(data[at : min(at + 4, end)])
            expected = stream.extended.to_bytes(4, "big")
            if repeated == expected:
                at += 4
            elif len(repeated) < 4 and expected.startswith(repeated):
                return -1
        if stream.memory is None:
            stream.timestamp = (stream.timestamp + stream.delta) & _WRAP
            self._begin(stream)
        else:
            self._current = stream
        return at

    def _begin(self, stream: _ChunkStream) -> None:
        length = stream.length
        if length > self.limits.message:
            raise LimitExceeded(
                f"The encoder sent a message of {length} octets; "
                f"at most {self.limits.message} are taken."
            )
        if self._unfinished + length > self.limits.unfinished:
            raise LimitExceeded("The encoder began too many messages without ending them.")
        self._unfinished += length
        stream.memory = memoryview(bytearray(length))
        stream.filled = 0
        self._current = stream

    def _control(self, kind: int, payload: memoryview) -> None:
        if len(payload) != 4:
            raise BadChunk("The encoder sent a control message of a wrong length.")
        value = int.from_bytes(payload, "big")
        if kind == messages.SET_CHUNK_SIZE:
            if not 0 < value < 1 << 31:
                raise BadChunk("The encoder announced a chunk size that is out of range.")
            self.chunk_size = min(value, MAX_CHUNK_SIZE)
            return
        stream = self._chunk_streams.get(value)
        if stream is not None and stream.memory is not None:
            self._unfinished -= stream.length
            stream.memory = None
